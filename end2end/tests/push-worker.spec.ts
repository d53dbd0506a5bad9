import { randomBytes } from "node:crypto";
import type { BrowserContext, Page, Worker } from "@playwright/test";
import { signInWith, signToken, test as signedIn } from "../auth.ts";
import { DASHBOARD, expect } from "../fixture.ts";
import { freePort } from "../nginx.ts";
import { PUSH, TURN_OFF, contacts, group, publicKey, reached, status, test, turnOn, withPushService } from "../push.ts";

/** A user's running service worker, and a function that pushes to it like a push service. */
async function worker(context: BrowserContext, page: Page, user: string): Promise<{ worker: Worker; push(data: string): Promise<void> }> {
  await page.goto(`/notify-me?user_id=${user}`);
  await turnOn(page);
  const [only] = context.serviceWorkers();
  if (!only) throw new Error("there is no service worker");
  const devTools = await context.newCDPSession(page);
  const registration = new Promise<string>((resolve) =>
    devTools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => registrations[0] && resolve(registrations[0].registrationId)),
  );
  await devTools.send("ServiceWorker.enable");
  const registrationId = await registration;
  const origin = new URL(page.url()).origin;
  return { worker: only, push: async (data) => void (await devTools.send("ServiceWorker.deliverPushMessage", { origin, registrationId, data })) };
}

/** The notifications that the service worker shows. */
const shown = (worker: Worker) =>
  worker.evaluate(async () => {
    const { registration } = self as unknown as { registration: ServiceWorkerRegistration };
    return (await registration.getNotifications()).map(({ title, body, tag }) => ({ title, body, tag }));
  });

/** Clicks on a notification. Only a person's click may move a window, so such calls are recorded instead. */
const click = (worker: Worker) =>
  worker.evaluate(async () => {
    const scope = self as unknown as {
      registration: ServiceWorkerRegistration;
      clients: { openWindow(url: string): Promise<unknown> };
      WindowClient: { prototype: { url: string; focus(): Promise<unknown> } };
      NotificationEvent: new (name: string, init: object) => Event;
    } & EventTarget;
    const did: string[] = [];
    scope.clients.openWindow = async (url) => did.push(`open ${url}`);
    scope.WindowClient.prototype.focus = async function () {
      did.push(`focus ${this.url}`);
      return this;
    };
    const [notification] = await scope.registration.getNotifications();
    const event = new scope.NotificationEvent("notificationclick", { notification });
    scope.dispatchEvent(event);
    for (let times = 0; times < 100 && !did.length; times += 1) await new Promise((resolve) => setTimeout(resolve, 20));
    return did;
  });

test.describe("the service worker", () => {
  test.beforeEach(async ({ context }) => {
    await withPushService(context);
    await context.grantPermissions(["notifications"]);
  });

  test("shows each push once, and a placeholder for one that it cannot read", async ({ context, page, user }) => {
    const { worker: sw, push } = await worker(context, page, user);
    const said = { title: "Disk", text: "Almost full", id: "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f", category: "alert", modseq: 7, unread_count: 3 };
    await push(JSON.stringify(said));
    await expect.poll(() => shown(sw)).toEqual([{ title: "Disk", body: "Almost full", tag: said.id }]);
    await push(JSON.stringify({ ...said, text: "Full" }));
    await expect.poll(() => shown(sw)).toEqual([{ title: "Disk", body: "Full", tag: said.id }]);
    await push(JSON.stringify({ ...said, id: "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e50", text: "Another" }));
    await expect.poll(async () => (await shown(sw)).length).toBe(2);
    const generic = { title: "You have new notifications", body: "", tag: "campanile" };
    for (const garbage of ["", "{", "null", "7", '"text"', "[]", '{"title":7,"text":{},"id":[]}']) {
      await sw.evaluate(async () => {
        const { registration } = self as unknown as { registration: ServiceWorkerRegistration };
        for (const notification of await registration.getNotifications()) notification.close();
      });
      await expect.poll(() => shown(sw)).toEqual([]);
      await push(garbage);
      await expect.poll(() => shown(sw), garbage).toEqual([generic]);
    }
  });

  test("puts the count on the icon, whatever becomes of that", async ({ context, page, user }) => {
    const { worker: sw, push } = await worker(context, page, user);
    await sw.evaluate(() => {
      const counts: unknown[] = [];
      const navigator = self.navigator as unknown as Record<string, unknown>;
      navigator["setAppBadge"] = async (count: number) => {
        counts.push(count);
        throw new Error("no app");
      };
      navigator["clearAppBadge"] = async () => counts.push("none");
      Object.assign(self, { counts });
    });
    const counts = () => sw.evaluate(() => (self as unknown as { counts: unknown[] }).counts);
    for (const unread_count of [3, 0, -1, "7", 1e300]) await push(JSON.stringify({ text: "x", unread_count }));
    await expect.poll(counts).toEqual([3, "none"]);
    await expect.poll(async () => (await shown(sw)).length).toBe(1);
  });

  test("does not show a second time what the inbox in sight shows", async ({ context, page, dashboard, user }) => {
    const { worker: sw, push } = await worker(context, page, user);
    await dashboard.open({ user_id: user });
    await page.bringToFront();
    await sw.evaluate(() => {
      const work: Promise<unknown>[] = [];
      const { waitUntil } = ExtendableEvent.prototype;
      ExtendableEvent.prototype.waitUntil = function (done) {
        work.push(Promise.resolve(done));
        waitUntil.call(this, done);
      };
      Object.assign(self, { work });
    });
    /** How many events the worker has handled. */
    const handled = () => sw.evaluate(async () => (await Promise.allSettled((self as unknown as { work: Promise<unknown>[] }).work)).length);
    await push(JSON.stringify({ title: "In sight", text: "x", id: "a" }));
    await expect.poll(handled).toBe(1);
    expect(await shown(sw)).toEqual([]);
    // A page that shows only unread alerts does not show it, nor does a page of another user, nor one that navigated
    // there without loading.
    await dashboard.filters.getByRole("link", { name: /alert/i }).first().click();
    await expect(page).toHaveURL(/category=alert/);
    await push(JSON.stringify({ title: "Out of sight", text: "x", id: "b" }));
    await expect.poll(() => shown(sw)).toEqual([{ title: "Out of sight", body: "x", tag: "b" }]);
    await dashboard.open({ user_id: `${user}-2` });
    await push(JSON.stringify({ title: "Elsewhere", text: "x", id: "c" }));
    await expect.poll(async () => (await shown(sw)).map(({ tag }) => tag)).toContain("c");
  });

  test("a click opens the inbox at the notification, or brings one to the front that is open", async ({ context, page, api, dashboard, server, user }) => {
    await api.createMany(30, "older");
    const { id } = await api.create("pushed");
    const { worker: sw, push } = await worker(context, page, user);
    await push(JSON.stringify({ title: "T", text: "pushed", id }));
    await expect.poll(async () => (await shown(sw)).length).toBe(1);
    const url = `${server.url}${DASHBOARD}?user_id=${user}`;
    expect(await click(sw)).toEqual([`open ${url}#n-${id}`]);
    expect(await shown(sw)).toEqual([]);

    await page.goto(`${url}#n-${id}`);
    await expect(dashboard.row("pushed")).toBeFocused();
    expect(page.url()).toBe(url);
    await dashboard.hydrated();
    await expect(dashboard.row("pushed")).toBeFocused();

    // The inbox is open and scrolled down: the new row waits above.
    await page.getByRole("list", { name: "Notifications" }).evaluateAll((lists) => lists.at(-1)?.lastElementChild?.scrollIntoView());
    await page.keyboard.press("End");
    const other = await context.newPage();
    await other.goto(`${server.url}/notify-me?user_id=${user}`);
    const second = await api.create("pushed later");
    await expect(page.locator(".pill")).toBeAttached();
    await sw.evaluate(async (id) => {
      const { registration } = self as unknown as { registration: ServiceWorkerRegistration };
      for (const notification of await registration.getNotifications()) notification.close();
      await registration.showNotification("T", { tag: id, data: { id } });
    }, second.id);
    // The browser only knows a page's first URL.
    expect(await click(sw)).toEqual([expect.stringMatching(/^focus /)]);
    await expect(dashboard.row("pushed later")).toBeFocused();
    expect(page.url()).toBe(url);
  });

  test("a click may be earlier than the inbox learns of the notification", async ({ page, api, dashboard, user }) => {
    await page.routeWebSocket(/\/ws/, (socket) => {
      const server = socket.connectToServer();
      server.onMessage((message) => void setTimeout(() => socket.send(message), 400));
    });
    await api.createMany(30, "older");
    await dashboard.open({ user_id: user });
    await page.keyboard.press("j");
    await page.keyboard.press("End");
    await page.mouse.move(700, 500);
    await page.mouse.wheel(0, 2_000);
    const { id } = await api.create("pushed");
    await page.evaluate((opened) => navigator.serviceWorker.dispatchEvent(new MessageEvent("message", { data: { opened } })), id);
    await expect(dashboard.row("pushed")).toBeFocused();
  });

  test("what the list does not have has a page of its own", async ({ page, api, server, user }) => {
    const { id } = await api.create("far down");
    await api.createMany(60, "newer");
    await page.goto(`${server.url}${DASHBOARD}?user_id=${user}#n-${id}`);
    await expect(page).toHaveURL(`${server.url}/notifications/${id}`);
    await expect(page.getByText("far down")).toBeVisible();
  });

  test("a changed subscription is reported", async ({ context, page, user }) => {
    const { worker: sw } = await worker(context, page, user);
    const keys = { p256dh: publicKey().toString("base64url"), auth: randomBytes(16).toString("base64url") };
    await sw.evaluate(async (keys) => {
      const scope = self as unknown as { registration: { pushManager: object } } & EventTarget;
      const made = (name: string) => {
        const endpoint = `http://127.0.0.1:9/push/${name}`;
        return { endpoint, options: { applicationServerKey: new Uint8Array([4]).buffer }, toJSON: () => ({ endpoint, keys }) };
      };
      // One subscription is created by the browser itself; the other must be requested with the old key.
      const manager = { subscribe: async ({ applicationServerKey }: { applicationServerKey: ArrayBuffer }) => made(`asked-for-${applicationServerKey.byteLength}`) };
      Object.defineProperty(scope.registration, "pushManager", { value: manager });
      const change = (init: object) => scope.dispatchEvent(Object.assign(new ExtendableEvent("pushsubscriptionchange"), init));
      change({ oldSubscription: made("old"), newSubscription: made("given-it") });
      change({ oldSubscription: made("old"), newSubscription: null });
    }, keys);
    const added = async () => (await reached(page, user)).slice(1);
    await expect.poll(async () => (await added()).map(({ address }) => address).sort()).toEqual(["ed-for-1", "given-it"]);
    for (const { label } of await added()) expect(label).toMatch(/^\w+ on \w+$/);
  });
});

const own = signedIn.extend({ moreArgs: async ({}, use) => use(PUSH) });

own("a user turns it on with the own session, and the worker uses it too", async ({ api, context, dashboard, page, user }) => {
  await withPushService(context);
  await context.grantPermissions(["notifications"]);
  await page.goto(DASHBOARD);
  await signInWith(page, signToken(user));
  await page.goto("/notify-me");
  await page.evaluate(() => localStorage.setItem("campanile.desktop", "on"));
  await expect(page.getByText("You are reached in your inbox alone, so far.")).toBeVisible();
  await turnOn(page);
  await expect(status(page)).toContainText("This browser shows you new notifications, also while no page of your inbox is open.");
  await expect(contacts(page).getByText("This browser", { exact: true })).toBeVisible();
  // The page itself would show the same notification again.
  expect(await page.evaluate(() => localStorage.getItem("campanile.desktop"))).toBe("off");

  const [sw] = context.serviceWorkers();
  await sw?.evaluate((keys) => {
    const endpoint = "http://127.0.0.1:9/push/another1";
    const newSubscription = { endpoint, toJSON: () => ({ endpoint, keys }) };
    self.dispatchEvent(Object.assign(new ExtendableEvent("pushsubscriptionchange"), { newSubscription }));
  }, { p256dh: publicKey().toString("base64url"), auth: randomBytes(16).toString("base64url") });
  await expect.poll(async () => (await reached(page, user)).map(({ address }) => address)).toContain("another1");

  const { id } = await api.create("pushed");
  await page.goto(`${DASHBOARD}?user_id=${user}#n-${id}`);
  await expect(dashboard.row("pushed")).toBeFocused();
  await expect(dashboard.heading).toHaveText("Your inbox");
});

declare class ExtendableEvent extends Event {
  waitUntil(done: Promise<unknown>): void;
}

const below = test.extend<{ port: number }>({
  port: async ({}, use) => use(await freePort()),
  serverArgs: async ({ port }, use) => use([...PUSH, "--listen", `127.0.0.1:${port}`, "--public-url", `http://127.0.0.1:${port}/notify`]),
});

below("everything is below the base path", async ({ context, page, api, port, user }) => {
  await withPushService(context);
  await context.grantPermissions(["notifications"]);
  const elsewhere: string[] = [];
  context.on("request", (request) => new URL(request.url()).pathname.startsWith("/notify/") || elsewhere.push(request.url()));
  const root = `http://127.0.0.1:${port}/notify`;
  await page.goto(`${root}/notify-me?user_id=${user}`);
  await turnOn(page);
  await expect(contacts(page).getByText("This browser", { exact: true })).toBeVisible();
  const [sw] = context.serviceWorkers();
  expect(sw?.url()).toContain(`${root}/sw.js?user=${user}&`);
  const scope = await sw?.evaluate(() => (self as unknown as { registration: ServiceWorkerRegistration }).registration.scope);
  expect(scope).toBe(`${root}/`);
  const { id } = await api.create("pushed");
  await sw?.evaluate((id) => (self as unknown as { registration: ServiceWorkerRegistration }).registration.showNotification("T", { data: { id } }), id);
  if (sw) expect(await click(sw)).toEqual([`open ${root}${DASHBOARD}?user_id=${user}#n-${id}`]);
  const manifest = await page.evaluate(() => document.querySelector<HTMLLinkElement>("link[rel=manifest]")?.href);
  const app = await (await page.request.get(manifest ?? "")).json();
  expect(new URL(app.start_url, manifest).href).toBe(`${root}/`);
  for (const { src } of app.icons) expect((await page.request.get(new URL(src, manifest).href)).ok()).toBe(true);
  await group(page).getByRole("button", { name: TURN_OFF }).click();
  await expect(status(page)).toContainText("Off");
  expect(elsewhere).toEqual([]);
});
