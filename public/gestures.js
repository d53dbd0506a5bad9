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

  addEventListener("pointerdown", ({ target, pointerType, isPrimary, clientX, clientY }) => {
    const row = target.closest?.(".row");
    swipe = row && isPrimary && pointerType === "touch" && !target.closest("[popover]") ? { row, x: clientX, y: clientY, by: 0 } : undefined;
  });

  addEventListener("pointermove", ({ clientX, clientY }) => {
    if (!swipe) return;
    const by = clientX - swipe.x;
    if (!swipe.by && Math.abs(by) < Math.max(12, 2 * Math.abs(clientY - swipe.y))) return;
    swipe.by = by;
    swipe.row.classList.add("swiped");
    swipe.row.style.translate = `${by}px`;
  });

  function end(isMeant) {
    if (!swipe) return;
    const { row, by } = swipe;
    swipe = undefined;
    row.classList.remove("swiped");
    row.style.translate = "";
    if (isMeant && Math.abs(by) > ENOUGH) row.querySelector(by < 0 ? "[form=delete]" : "[form^=mark]")?.click();
  }
  addEventListener("pointerup", () => end(true));
  addEventListener("pointercancel", () => end(false));
})();
