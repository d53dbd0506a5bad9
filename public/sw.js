// The service worker: shows what is pushed to this browser, and leads from there to the inbox. It keeps nothing, and no
// request of a page passes through it.
//
// Its own address says whose inbox it is for, and what this browser is called: sw.js?user=ann&label=Firefox+on+Linux.
// A browser has one subscription here, which is one user's, so that is enough, and nothing has to be stored.
"use strict";

const params = new URL(self.location.href).searchParams;
const user = params.get("user") ?? "";
const label = params.get("label") ?? "";

/** Where something of this server is; the scope is all of it, below a base path too. */
const at = (path) => new URL(path, self.registration.scope);

// One that is new takes over at once: no page depends on the one before.
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => event.waitUntil(tell(read(event.data))));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(lead(event.notification.data?.id));
});
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

/** What a push says; nothing where it cannot be read. */
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
 * Shows a notification. Browsers want to see one for every push, so there is one for a push that cannot be read as well.
 * A push that comes again, and one of the same notification, take the place of the first without a sound.
 */
function show(id, title, body) {
  const tag = id || "campanile";
  const options = { body, tag, icon: at("icon-192.png").href, badge: at("badge-96.png").href, dir: "auto", data: { id } };
  // The first 48 bits of an id are when it was made (RFC 9562, version 7): a push may come a day later.
  const made = /^([\da-f]{8})-([\da-f]{4})-7/i.exec(id);
  if (made) options.timestamp = parseInt(made[1] + made[2], 16);
  return self.registration.showNotification(title || body ? title || "Campanile" : "You have new notifications", options);
}

/**
 * Whether the user looks at the inbox at this moment, where a push would show a second time what the page just did.
 *
 * Chrome and Firefox excuse a push without a notification while a page of the site is in sight. Safari excuses none, and
 * takes the subscription away after three, so there it is always shown.
 */
async function isInSight() {
  const agent = self.navigator.userAgent;
  if (/AppleWebKit/.test(agent) && !/Chrom(e|ium)\//.test(agent)) return false;
  const inSight = await inboxes((page) => page.focused && page.visibilityState === "visible");
  return inSight.some(({ url }) => !["category", "unread", "q", "before"].some((narrower) => url.searchParams.get(narrower)));
}

/** Says on the icon of an installed app how many are unread. */
async function count(unread) {
  if (!Number.isSafeInteger(unread) || unread < 0) return;
  await (unread ? self.navigator.setAppBadge?.(unread) : self.navigator.clearAppBadge?.());
}

/** Where the user's inbox is. */
function inbox() {
  const url = at("api/ui-dashboard/notifications-dashboard-ui");
  if (user) url.searchParams.set("user_id", user);
  return url;
}

/**
 * The open pages that show the user's inbox, of those that are wanted, and where each is: one that names no user shows the
 * only inbox of its reader, or all.
 */
async function inboxes(isWanted) {
  const { origin, pathname } = inbox();
  const is = (url) => url.origin === origin && url.pathname === pathname;
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const wanted = pages.filter((page) => is(new URL(page.url)) && isWanted(page));
  const found = await Promise.all(wanted.map(async (page) => ({ page, url: await whereabouts(page) })));
  return found.filter(({ url }) => is(url) && [null, "", user].includes(url.searchParams.get("user_id")));
}

/** Where a page is now. The browser knows where it began, and the page where it went since (opened.js). */
async function whereabouts(page) {
  const { port1, port2 } = new MessageChannel();
  const told = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
  const late = new Promise((resolve) => setTimeout(resolve, 300, page.url));
  page.postMessage({ where: true }, [port2]);
  return new URL(await Promise.race([told, late]));
}

/** Brings the inbox to the front, at a notification. Another page of ours is left alone: it may hold what was typed. */
async function lead(id) {
  const open = await inboxes(() => true);
  const page = (open.find(({ page }) => page.focused) ?? open[0])?.page;
  if (page) {
    // Who hears it is opened.js.
    page.postMessage({ opened: id });
    // A browser that does not let a page be focused may still let one be opened.
    const focused = await page.focus().catch(() => undefined);
    if (focused) return;
  }
  const url = inbox();
  if (id) url.hash = `n-${id}`;
  await self.clients.openWindow(url.href);
}

/** The browser has another subscription, or wants one: subscribes under the same key, and tells the server. */
async function renew({ oldSubscription, newSubscription }) {
  const subscription = newSubscription ?? (await self.registration.pushManager.subscribe(await options(oldSubscription)));
  await fetch(at(`api/contacts/${encodeURIComponent(user)}`), {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ channel: "webpush", subscription, ...(label && { label }) }),
  });
  // Where the session is over, the page does it when the user comes to it next.
}

async function options(old) {
  let applicationServerKey = old?.options?.applicationServerKey;
  if (!applicationServerKey) {
    const answer = await fetch(at("api/push/key"), { credentials: "same-origin" });
    applicationServerKey = (await answer.json()).key;
  }
  return { userVisibleOnly: true, applicationServerKey };
}
