// Brings the inbox to the notification that a push told of: the service worker names it in a message to a page that is
// open, and in the fragment of one that it opens.
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

  /** The page of the notification: its own, where the list does not have it. */
  const page = (id) => location.pathname.replace(/\/api\/ui-dashboard\/.*$/, `/notifications/${encodeURIComponent(id)}`);

  async function open(id) {
    // New ones may wait above the list until this is pressed.
    document.querySelector(".pill:not(.none)")?.click();
    for (let times = 0; times < 20; times += 1) {
      if (focus(id)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    location.assign(page(id));
  }

  if (location.hash.startsWith(START)) {
    const id = location.hash.slice(START.length);
    // Loading the page again does not lead there again.
    history.replaceState(history.state, "", location.pathname + location.search);
    if (!focus(id)) location.replace(page(id));
  }
  navigator.serviceWorker?.addEventListener("message", ({ data, ports }) => {
    if (data?.where) ports[0]?.postMessage(location.href);
    if (typeof data?.opened === "string" && data.opened) void open(data.opened);
  });
  navigator.serviceWorker?.startMessages();
})();
