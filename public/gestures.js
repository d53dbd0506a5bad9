// What CSS cannot see of the inbox: that its list is scrolled, and that a finger swipes a row. A swipe presses the row's
// own button: to the left it deletes, to the right it marks as read or unread. Without this, the row's menu does.
"use strict";
(() => {
  const ENOUGH = 88;
  let swipe;

  addEventListener("scroll", () => {
    const top = scrollY + (document.getElementById("list")?.scrollTop ?? 0);
    document.documentElement.toggleAttribute("data-scrolled", top > 0);
  }, { capture: true, passive: true });

  addEventListener("pointerdown", ({ target, pointerId, pointerType, isPrimary, clientX, clientY }) => {
    // A second finger ends a swipe: the user zooms.
    end(false);
    const row = target.closest?.(".row");
    const isSwipe = row && isPrimary && pointerType === "touch" && !target.closest("[popover]") && !(visualViewport?.scale > 1);
    if (isSwipe) swipe = { row, pointerId, x: clientX, y: clientY, by: 0 };
  });

  addEventListener("pointermove", ({ pointerId, clientX, clientY }) => {
    if (swipe?.pointerId !== pointerId) return;
    const by = clientX - swipe.x;
    if (!swipe.by && Math.abs(by) < Math.max(12, 2 * Math.abs(clientY - swipe.y))) return;
    swipe.by = by;
    // In the words of the page.
    const word = (button) => swipe.row.querySelector(`.row-actions ${button} span`)?.textContent ?? "";
    swipe.row.dataset.left = word(".danger");
    swipe.row.dataset.right = word("button");
    swipe.row.classList.add("swiped");
    swipe.row.style.translate = `${by}px`;
  });

  function end(isMeant) {
    if (!swipe) return;
    const { row, by } = swipe;
    swipe = undefined;
    row.classList.remove("swiped");
    row.style.translate = "";
    if (isMeant && Math.abs(by) > ENOUGH) row.querySelector(by < 0 ? ".row-actions .danger" : ".row-actions button")?.click();
  }
  for (const type of ["pointerup", "pointercancel"]) {
    addEventListener(type, ({ pointerId }) => {
      if (swipe?.pointerId === pointerId) end(type === "pointerup");
    });
  }
})();
