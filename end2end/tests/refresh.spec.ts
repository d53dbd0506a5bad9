import type { Page } from "@playwright/test";
import { expect, test, withoutLive } from "../fixture.ts";

/** Counts the page's requests for changes. */
function countRefreshes(page: Page): () => number {
  let count = 0;
  page.on("request", (request) => {
    if (new URL(request.url()).pathname.startsWith("/api/ui/snapshot")) count += 1;
  });
  return () => count;
}

/** Makes the browser report that the tab is in the background, or in front again. */
async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (hidden ? "hidden" : "visible") });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  }, hidden);
}

/** Stops the clock, which then only a test moves. */
async function stopClock(page: Page): Promise<void> {
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
}

// Without a live connection: a page that only has the timer.
test.beforeEach(async ({ page }) => {
  await withoutLive(page);
  await page.clock.install();
});

test("what arrives is shown within five seconds", async ({ dashboard, api, page, user }) => {
  await dashboard.open({ user_id: user });
  await api.create("arrived");
  await expect(dashboard.row("arrived")).toHaveCount(0);
  await page.clock.runFor(5_000);
  await expect(dashboard.row("arrived")).toBeVisible();
  await expect(dashboard.badge).toHaveText("1 unread");
  await expect(page).toHaveTitle(`(1) ${user} · Campanile`);
});

test("without a filter too", async ({ dashboard, api, page }) => {
  await dashboard.open();
  await api.create("arrived");
  await page.clock.runFor(5_000);
  await expect(dashboard.row("arrived")).toBeVisible();
});

test("the page asks every five seconds, no more and no less", async ({ dashboard, api, page }) => {
  const refreshes = countRefreshes(page);
  await dashboard.open();
  await stopClock(page);
  const before = refreshes();
  for (const expected of [1, 2, 3]) {
    await api.create(`arrived ${expected}`);
    await page.clock.runFor(5_000);
    // It asks again only once it has shown this answer, for which the page's clock does not wait.
    await expect(dashboard.row(`arrived ${expected}`)).toBeVisible();
    expect(refreshes()).toBe(before + expected);
  }
});

test("what was marked or deleted elsewhere changes here", async ({ dashboard, api, page, user }) => {
  const one = await api.create("one");
  const two = await api.create("two");
  await dashboard.open({ user_id: user });
  await api.setRead(one.id);
  await page.request.delete(`/api/notifications/${two.id}`);
  await page.clock.runFor(5_000);
  await dashboard.expectRead("one");
  await expect(dashboard.row("two")).toHaveCount(0);
  await expect(dashboard.badge).toBeHidden();
});

test("a hidden tab asks nothing, and asks at once when it is seen again", async ({ dashboard, api, page, user }) => {
  const refreshes = countRefreshes(page);
  await dashboard.open({ user_id: user });
  await setHidden(page, true);
  await page.clock.runFor(1_000);
  const before = refreshes();
  await page.clock.runFor(60_000);
  expect(refreshes()).toBe(before);
  await api.create("while away");
  await setHidden(page, false);
  await expect(dashboard.row("while away")).toBeVisible();
});

test("while the user reads further down nothing moves, and a button leads to the new ones", async ({ dashboard, api, page, user }) => {
  await api.createMany(120, "note");
  await dashboard.open({ user_id: user });
  await dashboard.row("note 90").scrollIntoViewIfNeeded();
  const place = () => dashboard.row("note 90").evaluate((row) => row.getBoundingClientRect().top);
  const before = await place();
  await api.create("new one");
  await page.clock.runFor(5_000);
  const pill = page.getByRole("button", { name: "1 new" });
  await expect(pill).toBeVisible();
  expect(await place()).toBe(before);
  await expect(dashboard.row("new one")).toHaveCount(0);
  await expect(dashboard.badge).toHaveText("121 unread");
  await pill.click();
  await expect(dashboard.row("new one")).toBeInViewport();
  await expect(pill).toHaveCount(0);
});

test("what waits above the list is not marked with the rest", async ({ dashboard, api, page, user }) => {
  await api.createMany(120, "note");
  await dashboard.open({ user_id: user });
  await dashboard.row("note 90").scrollIntoViewIfNeeded();
  await api.create("new one");
  await page.clock.runFor(5_000);
  const pill = page.getByRole("button", { name: "1 new" });
  await expect(pill).toBeVisible();
  await page.keyboard.press("Shift+A");
  await dashboard.expectRead("note 90");
  await expect(dashboard.badge).toHaveText("1 unread");
  const unread = async () => (await api.list()).filter(({ is_read }) => !is_read).map(({ content }) => content);
  await expect.poll(unread).toEqual(["new one"]);
  await pill.click();
  await dashboard.expectUnread("new one");
  await page.keyboard.press("Shift+A");
  await dashboard.expectRead("new one");
  await expect.poll(unread).toEqual([]);
});

test("a screen reader announces arrivals", async ({ dashboard, api, page, user }) => {
  await dashboard.open({ user_id: user });
  await api.createMany(2, "note");
  await page.clock.runFor(5_000);
  await expect(dashboard.rows).toHaveCount(2);
  await page.clock.runFor(5_000);
  await expect(page.getByRole("status").filter({ hasText: "2 new notifications" })).toBeAttached();
});

test("the focus and open parts survive a refresh", async ({ dashboard, api, page, user }) => {
  await api.create("stays");
  await dashboard.open({ user_id: user });
  await page.keyboard.press("j");
  await expect(dashboard.row("stays")).toBeFocused();
  await api.create("arrives");
  await page.clock.runFor(5_000);
  await expect(dashboard.row("arrives")).toBeVisible();
  await expect(dashboard.row("stays")).toBeFocused();
});

test("relative times go on", async ({ dashboard, api, page, troubles, user }) => {
  troubles.expect(/net::ERR_FAILED/);
  await api.create("ages");
  await dashboard.open({ user_id: user });
  await stopClock(page);
  await page.route("**/api/ui/snapshot*", (route) => route.abort());
  await setHidden(page, false);
  await page.clock.runFor(120_000);
  await expect(dashboard.row("ages").getByRole("time")).toHaveText("2 min");
});

test.describe("when the server does not answer", () => {
  test("the rows stay with their age, and the user can try again", async ({ dashboard, api, page, troubles, user }) => {
    troubles.expect(/net::ERR_FAILED|status of 503/);
    await api.create("stays");
    await dashboard.open({ user_id: user });
    await page.route("**/api/ui/snapshot*", (route) => route.abort());
    await page.clock.runFor(5_000);
    await expect(page.getByText("Not updating")).toBeVisible();
    await expect(page.getByText(/Can't reach the server\. *Last updated \d+ s ago\./)).toBeVisible();
    await expect(dashboard.row("stays")).toBeVisible();
    await page.unroute("**/api/ui/snapshot*");
    await api.create("came back");
    await page.getByRole("button", { name: "Try again" }).click();
    await expect(dashboard.row("came back")).toBeVisible();
    await expect(page.getByText("Not updating")).toHaveCount(0);
    await expect(page.getByText("Updates every 5 s")).toBeVisible();
  });

  test("a browser without network says so, and catches up by itself", async ({ dashboard, api, context, page, troubles, user }) => {
    troubles.expect(/net::ERR_INTERNET_DISCONNECTED/);
    await dashboard.open({ user_id: user });
    await context.setOffline(true);
    await expect(page.getByText("Offline", { exact: true })).toBeVisible();
    await api.create("meanwhile");
    await context.setOffline(false);
    await expect(dashboard.row("meanwhile")).toBeVisible();
    await expect(page.getByText("Updates every 5 s")).toBeVisible();
  });

  test("a request that hangs is given up", async ({ dashboard, page, troubles, user }) => {
    test.slow();
    troubles.expect(/net::ERR_/);
    await dashboard.open({ user_id: user });
    await page.route("**/api/ui/snapshot*", () => {});
    await page.clock.runFor(5_000);
    await expect(page.getByText("Not updating")).toBeVisible({ timeout: 30_000 });
    await expect(page.getByText("Can't reach the server.").filter({ visible: true })).toBeVisible();
  });
});

test("what takes its time is shown to do so, and no count is claimed before it is known", async ({ dashboard, api, page, user }) => {
  await api.createMany(9, "note");
  await api.create({ user_id: `${user}-2`, content: "theirs" });
  await dashboard.open({ user_id: `${user}-2` });
  await expect(page).toHaveTitle(/^\(1\)/);
  let answer = () => {};
  const asked = new Promise<void>((resolve) => (answer = resolve));
  await page.route("**/api/ui/snapshot*", async (route) => {
    await asked;
    await route.continue();
  });
  await page.getByRole("link", { name: "All inboxes" }).first().click();
  await page.clock.runFor(200);
  await expect(page.locator("#list")).toHaveClass(/waited/);
  await expect(page).toHaveTitle("Campanile");
  await expect(dashboard.badge).toBeHidden();
  answer();
  await expect(dashboard.badge).toHaveText("10 unread");
  await expect(page).toHaveTitle("(10) Campanile");
  await expect(page.locator("#list")).not.toHaveClass(/waited/);
});
