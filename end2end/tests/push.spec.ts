import { createECDH, randomBytes } from "node:crypto";
import type { BrowserContext, Page, Worker } from "@playwright/test";
import { signInWith, signToken, test as signedIn } from "../auth.ts";
import { DASHBOARD, expect, refusal, REFUSED, test as base } from "../fixture.ts";
import { freePort } from "../nginx.ts";

/** The addresses of the tests' push services: no push is sent there, but the server checks the addresses. */
const PUSH = ["--push-contact", "mailto:test@example.com", "--webhook-allow", "127.0.0.0/8"];
const TURN_ON = "Turn on push for this browser";
const TURN_OFF = "Turn it off for this browser";

function publicKey(): Buffer {
  const pair = createECDH("prime256v1");
  return pair.generateKeys();
}

/**
 * Adds a push service to every page: Chromium has none here. A page's subscription is stored like in a browser, and its
 * calls are recorded.
 */
async function withPushService(context: BrowserContext, script = ""): Promise<void> {
  const made = { p256dh: publicKey().toString("base64url"), auth: randomBytes(16).toString("base64url") };
  await context.addInitScript(
    ({ made, script }) => {
      const asked: string[] = [];
      const seen = { asked, looks: 0 };
      Object.assign(window, { seen });
      const note = <T extends object>(on: T, name: keyof T & string) => {
        const real = on[name] as (...all: unknown[]) => unknown;
        on[name] = function (this: unknown, ...all: unknown[]) {
          asked.push(name);
          return real.apply(this, all);
        } as T[keyof T & string];
      };
      // A browser's first page has none of these.
      if (!isSecureContext) return;
      const KEPT = "the browser's subscription";
      const bytes = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
      const subscription = () => {
        const kept = JSON.parse(localStorage.getItem(KEPT) ?? "null");
        return kept && {
          endpoint: kept.endpoint,
          options: { userVisibleOnly: true, applicationServerKey: bytes(kept.key) },
          toJSON: () => ({ endpoint: kept.endpoint, expirationTime: null, keys: made }),
          unsubscribe: async () => {
            asked.push("unsubscribe");
            localStorage.removeItem(KEPT);
            return true;
          },
        };
      };
      PushManager.prototype.getSubscription = async () => subscription();
      PushManager.prototype.subscribe = async (options) => {
        const key = btoa(String.fromCharCode(...new Uint8Array(options?.applicationServerKey as ArrayBuffer)));
        const kept = JSON.parse(localStorage.getItem(KEPT) ?? "null");
        if (kept && kept.key !== key) throw new DOMException("another key", "InvalidStateError");
        if (!kept) localStorage.setItem(KEPT, JSON.stringify({ endpoint: `http://127.0.0.1:9/push/${crypto.randomUUID()}`, key }));
        return subscription();
      };
      const { getRegistration } = ServiceWorkerContainer.prototype;
      ServiceWorkerContainer.prototype.getRegistration = async function (...all) {
        const found = await getRegistration.apply(this, all);
        seen.looks += 1;
        return found;
      };
      note(PushManager.prototype, "subscribe");
      note(ServiceWorkerContainer.prototype, "register");
      note(Notification, "requestPermission");
      new Function(script)();
    },
    { made, script },
  );
}

/** The page's calls of the browser, and how often it read the browser's state. */
const seen = (page: Page) => page.evaluate(() => (window as unknown as { seen: { asked: string[]; looks: number } }).seen);
const asked = async (page: Page) => (await seen(page)).asked;

/** Waits until a page has read the state twice, for itself and for the server: its automatic steps are then done. */
const settled = (page: Page) => expect.poll(async () => (await seen(page)).looks).toBe(2);

interface Fixtures {
  path: string;
  /** The value in place of the server's key for pushes, if it is not the real one. */
  key: { now?: string };
  /** The requests that add or remove contacts. */
  told: string[];
}

const test = base.extend<Fixtures>({
  serverArgs: async ({}, use) => use(PUSH),
  path: async ({ user }, use) => use(`/notify-me?user_id=${user}`),
  key: async ({}, use) => use({}),
  told: [
    async ({ context }, use) => {
      const told: string[] = [];
      context.on("request", (request) => {
        if (request.method() !== "GET" && request.url().includes("/api/contacts/")) told.push(request.method());
      });
      await use(told);
    },
    { auto: true },
  ],
  context: async ({ context, key }, use) => {
    await context.route("**/api/push/key", (route) => (key.now ? route.fulfill({ json: { key: key.now } }) : route.continue()));
    await use(context);
  },
});

const group = (page: Page) => page.getByRole("group", { name: "Push to this browser" });
const status = (page: Page) => group(page).getByRole("status");
const contacts = (page: Page) => page.locator("#contacts").getByRole("listitem");

async function turnOn(page: Page): Promise<void> {
  await group(page).getByRole("button", { name: TURN_ON }).click();
  await expect(status(page)).toContainText("On");
  await expect(group(page).getByRole("button", { name: TURN_OFF })).toBeVisible();
}

/** The contacts of a user on the server. */
async function reached(page: Page, user: string): Promise<{ id: string; channel: string; address: string; label?: string }[]> {
  return (await page.request.get(`/api/contacts/${user}`)).json();
}

test.describe("on a page whose browser has a push service", () => {
  test.beforeEach(async ({ context }) => {
    await withPushService(context);
    await context.grantPermissions(["notifications"]);
  });

  test("nothing is asked before a click", async ({ context, page, path, told }) => {
    await page.goto(path);
    await expect(status(page)).toContainText("Off");
    await expect(page.getByText("They are reached in the inbox alone.")).toBeVisible();
    await settled(page);
    expect(await asked(page)).toEqual([]);
    expect(context.serviceWorkers()).toEqual([]);
    expect(told).toEqual([]);
  });

  test("a click subscribes, and another takes it back", async ({ page, path, user }) => {
    await page.goto(path);
    await page.getByLabel("Push: alert").selectOption("Off");
    await expect(page.getByRole("columnheader", { name: "Push" })).toContainText("No browser or device yet");
    await turnOn(page);
    expect(await asked(page)).toEqual(["requestPermission", "register", "subscribe"]);
    const [only, ...others] = await reached(page, user);
    expect(others).toEqual([]);
    expect(only?.channel).toBe("webpush");
    expect(only?.label).toMatch(/^\w+ on \w+$/);
    await expect(contacts(page)).toHaveCount(1);
    await expect(contacts(page)).toContainText(`Push to a browser ${only?.label}`);
    await expect(contacts(page).getByText("This browser", { exact: true })).toBeVisible();
    await expect(page.getByRole("columnheader", { name: "Push" })).toContainText("to 1 browser or device");
    // Options chosen meanwhile are not lost, and the focus is unchanged.
    await expect(page.getByLabel("Push: alert").locator("option:checked")).toHaveText("Off");
    await expect(group(page).getByRole("button")).toBeFocused();

    await page.reload();
    await expect(status(page)).toContainText("On");
    await expect(contacts(page).getByText("This browser", { exact: true })).toBeVisible();
    expect(await asked(page)).toEqual([]);

    await group(page).getByRole("button", { name: TURN_OFF }).click();
    await expect(status(page)).toContainText("Off");
    await expect(contacts(page)).toHaveCount(0);
    await expect(page.getByText("They are reached in the inbox alone.")).toBeVisible();
    expect(await asked(page)).toEqual(["unsubscribe"]);
    expect(await reached(page, user)).toEqual([]);
  });

  test("a subscription under another key of the server is made anew", async ({ page, path, user, key }) => {
    await page.goto(path);
    await turnOn(page);
    const [first] = await reached(page, user);
    await page.request.delete(`/api/contacts/${user}/${first?.id}`);
    key.now = publicKey().toString("base64url");
    await page.reload();
    await turnOn(page);
    expect(await asked(page)).toEqual(["requestPermission", "register", "unsubscribe", "subscribe"]);
    const [second, ...others] = await reached(page, user);
    expect(others).toEqual([]);
    expect(second?.address).not.toBe(first?.address);
  });

  test("the reason of a refusal is shown, and it can be tried again", async ({ page, path, troubles }) => {
    troubles.expect(REFUSED);
    await page.goto(path);
    const why = "This user has 20 contacts, and no more fit.";
    await page.route("**/api/contacts/*", (route) => route.fulfill(refusal(422, "invalid", "Not valid.", [{ field: "channel", message: why }])));
    await group(page).getByRole("button", { name: TURN_ON }).click();
    await expect(group(page).getByRole("alert")).toHaveText(why);
    await expect(status(page)).toContainText("Off");
    await page.unroute("**/api/contacts/*");
    await page.route("**/api/push/key", (route) => route.fulfill(refusal(503, "unavailable", "There is no key just now.")));
    await group(page).getByRole("button", { name: TURN_ON }).click();
    await expect(group(page).getByRole("alert")).toHaveText("There is no key just now.");
    await page.unroute("**/api/push/key");
    await turnOn(page);
    await expect(group(page).getByRole("alert")).toHaveCount(0);
  });

  test.describe("in German", () => {
    test.use({ locale: "de-AT" });

    test("it is turned on in German, and a refusal is not in English", async ({ page, path, troubles, user }) => {
      troubles.expect(REFUSED);
      await page.goto(path);
      const here = page.getByRole("group", { name: "Push an diesen Browser" });
      await expect(here.getByRole("status")).toContainText("Aus");
      await page.route("**/api/push/key", (route) => route.fulfill(refusal(503, "unavailable", "There is no key just now.")));
      await here.getByRole("button", { name: "Push für diesen Browser einschalten" }).click();
      await expect(here.getByRole("alert")).toHaveText("Der Server antwortete mit 503.");
      await page.unroute("**/api/push/key");
      await here.getByRole("button", { name: "Push für diesen Browser einschalten" }).click();
      await expect(here.getByRole("button", { name: "Für diesen Browser ausschalten" })).toBeVisible();
      expect((await reached(page, user))[0]?.label).not.toContain(" on ");
    });
  });

  test("the worker learns of another language that the user chooses", async ({ page, path }) => {
    const unreadable = () =>
      page.evaluate(async () => {
        const { active } = await navigator.serviceWorker.ready;
        return active && new URL(active.scriptURL).searchParams.get("unreadable");
      });
    await page.goto(path);
    await turnOn(page);
    expect(await unreadable()).toBe("You have new notifications");
    await page.context().addCookies([{ name: "campanile-language", value: "de", url: page.url() }]);
    await page.reload();
    await expect.poll(unreadable).toBe("Du hast neue Benachrichtigungen");
    await expect.poll(() => asked(page)).toEqual(["register"]);
    await page.reload();
    await settled(page);
    expect(await asked(page)).toEqual([]);
  });

  test("the browser reports once a day that it is there, and a removed one does not", async ({ page, path, user, told }) => {
    await page.goto(path);
    await turnOn(page);
    expect(told).toEqual(["POST"]);
    await page.reload();
    await expect(status(page)).toContainText("On");
    await settled(page);
    expect(told).toEqual(["POST"]);

    const yesterday = new Date(Date.now() - 25 * 3_600_000).toISOString();
    await page.route(
      (url) => url.pathname === "/notify-me",
      async (route) => {
        const answer = await route.fetch();
        const body = (await answer.text()).replace(/data-seen="[^"]*"/g, `data-seen="${yesterday}"`);
        await route.fulfill({ response: answer, body });
      },
      { times: 1 },
    );
    await page.reload();
    await expect.poll(() => told).toEqual(["POST", "POST"]);
    await expect(status(page)).toContainText("On");

    const [only] = await reached(page, user);
    await page.request.delete(`/api/contacts/${user}/${only?.id}`);
    await page.reload();
    await expect(status(page)).toContainText("Off");
    await settled(page);
    expect(told).toEqual(["POST", "POST"]);

    // The browser replaced the subscription while the server was unavailable.
    await page.evaluate(() => {
      const name = "the browser's subscription";
      const kept = JSON.parse(localStorage.getItem(name) ?? "");
      localStorage.setItem(name, JSON.stringify({ ...kept, endpoint: `${kept.endpoint}-another` }));
    });
    await page.reload();
    await expect(status(page)).toContainText("On");
    expect((await reached(page, user)).map(({ address }) => address)).toEqual(["-another"]);
  });

  test("a browser is one user's, and its page says so", async ({ page, path, user, expectAccessible }) => {
    await page.goto(path);
    await turnOn(page);
    await page.goto(`/notify-me?user_id=${user}-2`);
    await expect(status(page)).toContainText("This browser receives what is sent to another user.");
    await expectAccessible();
    await turnOn(page);
    expect(await reached(page, user)).toEqual([]);
    expect(await reached(page, `${user}-2`)).toHaveLength(1);
  });

  test("one that its push service gave up is subscribed anew", async ({ page, path, user }) => {
    await page.goto(path);
    await turnOn(page);
    const [first] = await reached(page, user);
    await page.route(
      (url) => url.pathname === "/notify-me",
      async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ response: answer, body: (await answer.text()).replaceAll('data-state="active"', 'data-state="dead"') });
      },
      { times: 1 },
    );
    await page.reload();
    await expect(status(page)).toContainText("Stopped");
    await turnOn(page);
    expect(await asked(page)).toEqual(["requestPermission", "register", "unsubscribe", "subscribe"]);
    const [second, ...others] = await reached(page, user);
    expect(others).toEqual([]);
    expect(second?.address).not.toBe(first?.address);
  });

  // High enough that no bar covers half of a checkbox, which would then be too small to touch.
  for (const colorScheme of ["light", "dark"] as const)
    for (const [device, viewport] of Object.entries({ phone: { width: 320, height: 1400 }, desk: { width: 1280, height: 900 } }))
      test(`axe finds nothing off and on, on a ${device} in ${colorScheme} colours`, async ({ page, path, expectAccessible }) => {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(viewport);
        await page.goto(path);
        await expect(status(page)).toContainText("Off");
        await expectAccessible();
        await turnOn(page);
        await expectAccessible();
        const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        expect(content).toBeLessThanOrEqual(window ?? 0);
      });
});

const DENIED = `Object.defineProperty(Notification, "permission", { get: () => "denied" })`;
const NO_PUSH = `delete window.PushManager`;
const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";

for (const [name, { script, says, userAgent }] of Object.entries({
  "a browser that was told to block it": { script: DENIED, says: "Blocked", userAgent: undefined },
  "a browser without push": { script: NO_PUSH, says: "This browser has no push", userAgent: undefined },
  "an iPhone's browser": { script: NO_PUSH, says: "Add to Home Screen", userAgent: IPHONE },
  "a page that is not encrypted": { script: `Object.defineProperty(window, "isSecureContext", { value: false })`, says: "https", userAgent: undefined },
}))
  test.describe(name, () => {
    test.use(userAgent ? { userAgent } : {});

    test("says so, and has nothing to press", async ({ context, page, path, expectAccessible }) => {
      await withPushService(context, script);
      for (const forcedColors of ["none", "active"] as const) {
        await page.emulateMedia({ forcedColors });
        await page.goto(path);
        await expect(status(page)).toContainText(says);
        await expect(group(page).getByRole("button")).toHaveCount(0);
        await expectAccessible();
      }
      expect(await asked(page)).toEqual([]);
    });
  });

test("a user who refused learns how to allow push, and the page notices it", async ({ context, page, path, told }) => {
  await withPushService(
    context,
    `let said = "default";
     Object.defineProperty(Notification, "permission", { get: () => said });
     Notification.requestPermission = async () => (said = said === "granted" ? said : "denied");
     window.allow = () => (said = "granted");
     const query = navigator.permissions.query.bind(navigator.permissions);
     navigator.permissions.query = async (asked) => (window.watched = await query(asked));`,
  );
  await page.goto(path);
  await group(page).getByRole("button", { name: TURN_ON }).click();
  await expect(status(page)).toContainText("Blocked");
  await expect(group(page).getByRole("button")).toHaveCount(0);
  await expect(group(page)).toBeFocused();
  expect(told).toEqual([]);
  await page.evaluate(() => {
    const { allow, watched } = window as unknown as { allow(): void; watched: EventTarget };
    allow();
    watched.dispatchEvent(new Event("change"));
  });
  await turnOn(page);
});

test.describe("without script", () => {
  test.use({ javaScriptEnabled: false });

  test("the page says what push needs, and all else works", async ({ page, path, request, user }) => {
    const keys = { p256dh: publicKey().toString("base64url"), auth: randomBytes(16).toString("base64url") };
    const subscription = { endpoint: "http://127.0.0.1:9/push/nr-12345678", keys };
    const data = { channel: "webpush", subscription, label: "Firefox on Windows" };
    expect((await request.post(`/api/contacts/${user}`, { data })).status()).toBe(201);
    await page.goto(path);
    // Playwright reads no text inside `noscript`, but detects that it is visible.
    const said = group(page).locator("noscript p");
    await expect(said).toBeVisible();
    expect(await said.evaluate((element) => element.textContent)).toContain("needs JavaScript");
    await expect(group(page).getByRole("button")).toHaveCount(0);
    await expect(contacts(page)).toContainText("Push to a browser Firefox on Windows …12345678");
    await expect(contacts(page).getByText("This browser")).toBeHidden();
    await page.getByText("Remove…").click();
    await page.getByRole("button", { name: /^Remove it/ }).click();
    await expect(page.getByRole("status").filter({ hasText: "It is removed." })).toBeVisible();
    expect(await reached(page, user)).toEqual([]);
  });
});

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

test("the inbox loads neither the service worker nor what turns push on", async ({ page, dashboard, user }) => {
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
  await dashboard.open({ user_id: user });
  await page.waitForLoadState("networkidle");
  expect(loaded).not.toContain("/sw.js");
  expect(loaded).not.toContain("/push.js");
  expect(loaded).toContain("/opened.js");
});

base("a server that pushes to no browser offers nothing of it", async ({ page, dashboard, user }) => {
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
  await page.goto(`/notify-me?user_id=${user}`);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(group(page)).toHaveCount(0);
  await dashboard.open({ user_id: user });
  expect(loaded.filter((path) => /push|opened|sw\.js/.test(path))).toEqual([]);
});
