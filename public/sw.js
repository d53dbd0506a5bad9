// The service worker: shows pushes to this browser, and opens the inbox when one is clicked. It stores nothing, and
// handles no requests of pages.
//
// Its own URL names the user and the browser: sw.js?user=ann&label=Firefox+on+Linux. A browser has one subscription
// here, for one user, so nothing has to be stored.
"use strict";

const params = new URL(self.location.href).searchParams;
const user = params.get("user") ?? "";
const label = params.get("label") ?? "";
const unreadable = params.get("unreadable") ?? "You have new notifications";

/** A URL of this server; the scope is all of it, also below a base path. */
const at = (path) => new URL(path, self.registration.scope);

// A new version takes over at once: no page depends on the previous one.
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => event.waitUntil(tell(read(event.data))));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(lead(event.notification.data?.id));
});
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

/** The contents of a push; nothing if it cannot be read. */
function read(data) {
  try {
    const said = data.json();
    return said && typeof said === "object" ? said : {};
  } catch {
    return {};
  }
}

const text = (value) => (typeof value === "string" ? value : "");

async function tell(said) {
  const id = text(said.id);
  const shown = (await isInSight()) ? undefined : show(id, text(said.title), text(said.text));
  await Promise.allSettled([shown, count(said.unread_count)]);
}

/**
 * Shows a notification. Browsers require one for every push, so there is one even for a push that cannot be read. A
 * repeated push, and another push of the same notification, replace the first one silently.
 */
function show(id, title, body) {
  const tag = id || "campanile";
  const options = { body, tag, icon: at("icon-192.png").href, badge: at("badge-96.png").href, dir: "auto", data: { id } };
  // The first 48 bits of an id are its creation time (RFC 9562, version 7): a push may arrive a day later.
  const made = /^([\da-f]{8})-([\da-f]{4})-7/i.exec(id);
  if (made) options.timestamp = parseInt(made[1] + made[2], 16);
  return self.registration.showNotification(title || body ? title || "Campanile" : unreadable, options);
}

/**
 * Whether the user is looking at the inbox, where the page has just shown the same notification.
 *
 * Chrome and Firefox allow a push without a notification while a page of the site is visible. Safari never does, and ends
 * the subscription after three such pushes, so there the notification is always shown.
 */
async function isInSight() {
  const agent = self.navigator.userAgent;
  if (/AppleWebKit/.test(agent) && !/Chrom(e|ium)\//.test(agent)) return false;
  const inSight = await inboxes((page) => page.focused && page.visibilityState === "visible");
  return inSight.some(({ url }) => !["category", "unread", "q", "before"].some((narrower) => url.searchParams.get(narrower)));
}

/** Shows the unread count on the icon of an installed app. */
async function count(unread) {
  if (!Number.isSafeInteger(unread) || unread < 0) return;
  await (unread ? self.navigator.setAppBadge?.(unread) : self.navigator.clearAppBadge?.());
}

/** The URL of the user's inbox. */
function inbox() {
  const url = at("api/ui-dashboard/notifications-dashboard-ui");
  if (user) url.searchParams.set("user_id", user);
  return url;
}

/**
 * The wanted open pages that show the user's inbox, and their URLs: a page whose URL names no user shows the only inbox of
 * its viewer, or all inboxes.
 */
async function inboxes(isWanted) {
  const { origin, pathname } = inbox();
  const is = (url) => url.origin === origin && url.pathname === pathname;
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const wanted = pages.filter((page) => is(new URL(page.url)) && isWanted(page));
  const found = await Promise.all(wanted.map(async (page) => ({ page, url: await whereabouts(page) })));
  return found.filter(({ url }) => is(url) && [null, "", user].includes(url.searchParams.get("user_id")));
}

/** The current URL of a page. The browser only knows its first one, and the page reports later ones (opened.js). */
async function whereabouts(page) {
  const { port1, port2 } = new MessageChannel();
  const told = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
  const late = new Promise((resolve) => setTimeout(resolve, 300, page.url));
  page.postMessage({ where: true }, [port2]);
  return new URL(await Promise.race([told, late]));
}

/** Brings the inbox to the front, at a notification. Other pages stay as they are: they may contain typed text. */
async function lead(id) {
  const open = await inboxes(() => true);
  const page = (open.find(({ page }) => page.focused) ?? open[0])?.page;
  if (page) {
    // opened.js receives this.
    page.postMessage({ opened: id });
    // A browser that does not let a page be focused may still let one be opened.
    const focused = await page.focus().catch(() => undefined);
    if (focused) return;
  }
  const url = inbox();
  if (id) url.hash = `n-${id}`;
  await self.clients.openWindow(url.href);
}

/** The browser replaced the subscription, or wants to: subscribes with the same key, and tells the server. */
async function renew({ oldSubscription, newSubscription }) {
  const subscription = newSubscription ?? (await self.registration.pushManager.subscribe(await options(oldSubscription)));
  await fetch(at(`api/contacts/${encodeURIComponent(user)}`), {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ channel: "webpush", subscription, ...(label && { label }) }),
  });
  // If the session has ended, the page does this on the user's next visit.
}

async function options(old) {
  let applicationServerKey = old?.options?.applicationServerKey;
  if (!applicationServerKey) {
    const answer = await fetch(at("api/push/key"), { credentials: "same-origin" });
    applicationServerKey = (await answer.json()).key;
  }
  return { userVisibleOnly: true, applicationServerKey };
}
