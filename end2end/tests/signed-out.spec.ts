import type { Page, Route } from "@playwright/test";
import { DASHBOARD, expect, REFUSED, refusal, test, withoutLive } from "../fixture.ts";

const SNAPSHOT = "**/api/ui/snapshot*";
const signedOut = (route: Route) => route.fulfill(refusal(401, "unauthenticated", "Send a key, or sign in."));
const tooMany = (seconds: number) => (route: Route) =>
  route.fulfill(refusal(429, "too_many_requests", "Too many requests.", [], { retry_after: seconds }));

/** Counts the page's requests for changes. */
function countRefreshes(page: Page): () => number {
  let count = 0;
  page.on("request", (request) => {
    if (new URL(request.url()).pathname.startsWith("/api/ui/snapshot")) count += 1;
  });
  return () => count;
}

/** Makes the page believe that it was hidden and is visible again. */
async function comeBack(page: Page): Promise<void> {
  await page.evaluate(() => {
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  });
}

/** Stops the clock, which then only a test moves. */
async function stopClock(page: Page): Promise<void> {
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
}

test.beforeEach(async ({ page, troubles }) => {
  troubles.expect(REFUSED);
  await page.clock.install();
});

test.describe("the session is over", () => {
  test("the rows stay, the page says so, and asks nothing more", async ({ dashboard, api, page, user }) => {
    await withoutLive(page);
    await api.create("stays");
    await dashboard.open({ user_id: user, unread: "true" });
    await stopClock(page);
    const refreshes = countRefreshes(page);
    await page.route(SNAPSHOT, signedOut);
    await page.clock.runFor(5_000);
    await expect(page.getByRole("main").getByText("You are signed out.")).toBeVisible();
    await expect(page.getByRole("banner").getByText("Signed out")).toBeVisible();
    await expect(dashboard.row("stays")).toBeVisible();
    await expect(page.getByRole("button", { name: "Try again" })).toBeHidden();
    const next = encodeURIComponent(`${DASHBOARD}?user_id=${user}&unread=true`);
    await expect(page.getByRole("link", { name: "Sign in" })).toHaveAttribute("href", `/login?next=${next}`);
    const before = refreshes();
    await page.clock.runFor(120_000);
    expect(refreshes()).toBe(before);
  });

  test("a user who comes back to the page is asked for once, and everything goes on", async ({ dashboard, api, page, user }) => {
    await api.create("stays");
    await dashboard.open({ user_id: user });
    await expect(page.getByText("Live", { exact: true })).toBeVisible();
    await page.route(SNAPSHOT, signedOut);
    await comeBack(page);
    await expect(page.getByRole("main").getByText("You are signed out.")).toBeVisible();
    await expect(page.getByText("Live", { exact: true })).toHaveCount(0);
    await page.clock.runFor(60_000);
    const refreshes = countRefreshes(page);
    await comeBack(page);
    await expect.poll(refreshes).toBe(1);
    await expect(page.getByRole("main").getByText("You are signed out.")).toBeVisible();
    await page.unroute(SNAPSHOT);
    await api.create("meanwhile");
    await comeBack(page);
    await expect(dashboard.row("meanwhile")).toBeVisible();
    await expect(page.getByText("You are signed out.")).toBeHidden();
    await expect(page.getByText("Live", { exact: true })).toBeVisible();
    await api.create("live again");
    await page.clock.runFor(1_000);
    await expect(dashboard.row("live again")).toBeVisible();
  });

  test("a change that is refused for it is taken back", async ({ dashboard, api, page, user }) => {
    await api.create("note");
    await dashboard.open({ user_id: user });
    await page.route("**/api/ui/**", signedOut);
    await dashboard.mark("note");
    await expect(dashboard.toasts).toContainText("Not marked as read.");
    await expect(page.getByText("You are signed out.").filter({ visible: true }), "once").toHaveCount(1);
    await dashboard.expectUnread("note");
    await expect(dashboard.badge).toHaveText("1 unread");
    await expect(page.getByRole("link", { name: "Sign in" })).toBeVisible();
  });

  test("what could not be sent is put back into the form", async ({ dashboard, page, user }) => {
    await page.route("**/api/ui/send", signedOut);
    await dashboard.open({ user_id: user });
    await dashboard.send(user, "precious");
    await expect(dashboard.composer.getByRole("alert")).toHaveText("Not sent. You are signed out.");
    await expect(dashboard.composer.getByLabel("Text", { exact: true })).toHaveValue("precious");
  });

  test("another inbox cannot be read, and the way in is in its place", async ({ dashboard, api, page, user }) => {
    await withoutLive(page);
    await api.create("note");
    await dashboard.open();
    await page.route(SNAPSHOT, signedOut);
    await dashboard.filters.getByLabel("User ID").fill(`${user}-2`);
    await dashboard.filters.getByRole("button", { name: "Open" }).click();
    await expect(page.getByRole("alert").getByRole("heading", { name: "You are signed out." })).toBeVisible();
    const next = encodeURIComponent(`${DASHBOARD}?user_id=${user}-2`);
    await expect(page.getByRole("alert").getByRole("link", { name: "Sign in" })).toHaveAttribute("href", `/login?next=${next}`);
  });
});

test.describe("the connection ends because the session may be over", () => {
  test("and it is: the page says so, and does not connect again", async ({ dashboard, api, page, user }) => {
    let tries = 0;
    await page.routeWebSocket(/\/ws\//, (socket) => {
      tries += 1;
      void socket.close({ code: 4001, reason: "expired" });
    });
    await api.create("stays");
    await dashboard.open({ user_id: user });
    await page.route(SNAPSHOT, signedOut);
    await expect.poll(() => tries).toBe(1);
    await page.clock.runFor(2_000);
    await expect(page.getByRole("main").getByText("You are signed out.")).toBeVisible();
    await expect(dashboard.row("stays")).toBeVisible();
    await page.clock.runFor(120_000);
    expect(tries).toBe(1);
  });

  test("and it is not: the page connects again", async ({ dashboard, api, page, user }) => {
    let tries = 0;
    await page.routeWebSocket(/\/ws\//, (socket) => {
      tries += 1;
      if (tries === 1) void socket.close({ code: 4001, reason: "expired" });
      else socket.connectToServer();
    });
    await dashboard.open({ user_id: user });
    await expect.poll(() => tries).toBe(1);
    await page.clock.runFor(2_000);
    await expect(page.getByText("Live", { exact: true })).toBeVisible();
    expect(tries).toBe(2);
    await api.create("live");
    await page.clock.runFor(1_000);
    await expect(dashboard.row("live")).toBeVisible();
  });

  test("again and again: it waits longer each time", async ({ dashboard, page, user }) => {
    let tries = 0;
    await page.routeWebSocket(/\/ws\//, (socket) => {
      tries += 1;
      void socket.close({ code: 4001, reason: "expired" });
    });
    await dashboard.open({ user_id: user });
    await expect.poll(() => tries).toBe(1);
    for (let second = 0; second < 60; second += 1) {
      await page.clock.runFor(1_000);
      // The responses come from the server, whose clock is not stopped.
      await page.evaluate(() => fetch("/healthz"));
    }
    expect(tries).toBeGreaterThan(2);
    expect(tries).toBeLessThan(10);
  });
});

test("a missing permission is explained in words", async ({ dashboard, api, page, user }) => {
  await withoutLive(page);
  await api.create("stays");
  await dashboard.open({ user_id: user });
  await page.route(SNAPSHOT, (route) => route.fulfill(refusal(403, "forbidden", "This key may not read: it lacks the scope `read`.")));
  await page.clock.runFor(5_000);
  await expect(page.getByText(/This key may not read: it lacks the scope `read`\. *Last updated/)).toBeVisible();
  await expect(dashboard.row("stays")).toBeVisible();
  await expect(page.getByRole("link", { name: "Sign in" })).toBeHidden();
});

test.describe("the page asks too often", () => {
  test("it counts the seconds down, leaves the server alone, and then goes on by itself", async ({ dashboard, api, page, user }) => {
    await withoutLive(page);
    await api.create("stays");
    await dashboard.open({ user_id: user });
    await stopClock(page);
    await page.route(SNAPSHOT, tooMany(20));
    await page.clock.runFor(5_000);
    await expect(page.getByText(/Too many requests at once\. *This page asks again in 20 s\./)).toBeVisible();
    await expect(page.getByRole("button", { name: "Try again" })).toBeHidden();
    await expect(dashboard.row("stays")).toBeVisible();
    const refreshes = countRefreshes(page);
    await page.unroute(SNAPSHOT);
    await api.create("later");
    await page.clock.runFor(7_000);
    await expect(page.getByText("This page asks again in 13 s.")).toBeVisible();
    await comeBack(page);
    await page.clock.runFor(12_000);
    await expect(page.getByText("This page asks again in 1 s.")).toBeVisible();
    expect(refreshes()).toBe(0);
    await page.clock.runFor(1_000);
    await expect(dashboard.row("later")).toBeVisible();
    expect(refreshes()).toBe(1);
    await expect(page.getByText("Too many requests")).toBeHidden();
  });

  test("another filter is asked for all the same", async ({ dashboard, api, page, user }) => {
    await withoutLive(page);
    await api.create({ content: "an alert", category: "alert" });
    await dashboard.open({ user_id: user });
    await page.route(SNAPSHOT, tooMany(600));
    await page.clock.runFor(5_000);
    await expect(page.getByText("This page asks again in 10 min.")).toBeVisible();
    await page.unroute(SNAPSHOT);
    await dashboard.filters.getByRole("link", { name: "alert" }).click();
    await expect(page.getByText("Too many requests")).toBeHidden();
    await expect(dashboard.row("an alert")).toBeVisible();
    await api.create({ content: "another", category: "alert" });
    await page.clock.runFor(5_000);
    await expect(dashboard.row("another")).toBeVisible();
  });

  test("a change that is refused for it is taken back, and its toast says how long to wait", async ({ dashboard, api, page, user }) => {
    await api.create("note");
    await dashboard.open({ user_id: user });
    await page.route("**/api/ui/mark", tooMany(12));
    await dashboard.mark("note");
    await expect(dashboard.toasts).toContainText("Not marked as read. Too many requests at once. Try again in 12 s.");
    await dashboard.expectUnread("note");
  });
});
