import { randomBytes } from "node:crypto";
import { expect, refusal, REFUSED, test as base } from "../fixture.ts";
import { TURN_OFF, TURN_ON, asked, contacts, group, publicKey, reached, settled, status, test, turnOn, withPushService } from "../push.ts";

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
