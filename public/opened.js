// Scrolls the inbox to the notification of a clicked push: the service worker sends its id in a message to an open
// page, and in the fragment of a page that it opens.
"use strict";
(() => {
  const START = "#n-";

  const row = (id) => document.querySelector(`.row button[name="id"][value="${CSS.escape(id)}"]`)?.closest(".row");

  function focus(id) {
    const found = row(id);
    found?.scrollIntoView({ block: "nearest" });
    found?.focus({ preventScroll: true, focusVisible: true });
    return Boolean(found);
  }

  /** The URL of the notification's own page, for one that the list does not contain. */
  const page = (id) => location.pathname.replace(/\/api\/ui-dashboard\/.*$/, `/notifications/${encodeURIComponent(id)}`);

  async function open(id) {
    for (let times = 0; times < 20; times += 1) {
      if (focus(id)) return;
      // New notifications wait above the list until this button is pressed, and may arrive later than the push.
      document.querySelector(".pill:not(.none)")?.click();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    location.assign(page(id));
  }

  if (location.hash.startsWith(START)) {
    const id = location.hash.slice(START.length);
    // Without the fragment, reloading the page does not scroll there again.
    history.replaceState(history.state, "", location.pathname + location.search);
    if (!focus(id)) location.replace(page(id));
  }
  navigator.serviceWorker?.addEventListener("message", ({ data, ports }) => {
    if (data?.where) ports[0]?.postMessage(location.href);
    if (typeof data?.opened === "string" && data.opened) void open(data.opened);
  });
  navigator.serviceWorker?.startMessages();
})();
