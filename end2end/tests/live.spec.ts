import type { Page, WebSocketRoute } from "@playwright/test";
import { DASHBOARD, expect, test } from "../fixture.ts";
import { startServer } from "../server.ts";

/** The browser's messages when a connection is refused, which no page can prevent. */
const REFUSED_CONNECTION = /WebSocket connection to '.*' failed|net::ERR_(CONNECTION_REFUSED|INTERNET_DISCONNECTED|NETWORK_CHANGED|CONNECTION_RESET|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)/;

const live = (page: Page) => page.getByText("Live", { exact: true });

/** Counts a page's open connections. */
function countSockets(page: Page): () => number {
  let open = 0;
  page.on("websocket", (socket) => {
    open += 1;
    socket.on("close", () => (open -= 1));
  });
  return () => open;
}

test("what arrives is shown at once, without asking", async ({ dashboard, api, page, user }) => {
  await dashboard.open({ user_id: user });
  await expect(live(page)).toBeVisible();
  let asked = 0;
  page.on("request", (request) => (asked += Number(request.url().includes("/api/ui/snapshot"))));
  await api.create("arrived");
  await expect(dashboard.row("arrived")).toBeVisible({ timeout: 1_000 });
  await expect(dashboard.badge).toHaveText("1 unread");
  await expect(page).toHaveTitle(`(1) ${user} · Campanile`);
  expect(asked).toBe(0);
});

test("all inboxes are followed too", async ({ dashboard, api, page }) => {
  await dashboard.open();
  await expect(live(page)).toBeVisible();
  const made = await api.create({ user_id: "a/b c", content: "for another user" });
  await expect(dashboard.row("for another user")).toBeVisible({ timeout: 1_000 });
  await expect(dashboard.badge).toHaveText("1 unread");
  await api.setRead(made.id);
  await dashboard.expectRead("for another user");
  await expect(dashboard.badge).toBeHidden();
});

test("notifications marked, deleted or all read elsewhere change here", async ({ dashboard, api, page, user }) => {
  const one = await api.create("one");
  const two = await api.create("two");
  await api.create("three");
  await dashboard.open({ user_id: user });
  await expect(live(page)).toBeVisible();
  await api.setRead(one.id);
  await dashboard.expectRead("one");
  await expect(dashboard.badge).toHaveText("2 unread");
  await api.setRead(one.id, false);
  await dashboard.expectUnread("one");
  await page.request.delete(`/api/notifications/${two.id}`);
  await expect(dashboard.row("two")).toHaveCount(0);
  await expect(dashboard.badge).toHaveText("2 unread");
  await page.request.post(`/api/notifications/mark-all-read/${encodeURIComponent(user)}`);
  await dashboard.expectRead("one");
  await dashboard.expectRead("three");
  await expect(dashboard.badge).toBeHidden();
});

test("a notification read on one device is read on every other", async ({ dashboard, api, browser, page, server, user }) => {
  await api.create("read me");
  await dashboard.open({ user_id: user });
  const elsewhere = await (await browser.newContext({ baseURL: server.url })).newPage();
  await elsewhere.goto(`${DASHBOARD}?user_id=${user}`);
  await expect(live(elsewhere)).toBeVisible();
  await expect(live(page)).toBeVisible();
  await dashboard.mark("read me");
  await expect(elsewhere.getByRole("listitem").filter({ hasText: "read me" }).getByText("Read", { exact: true })).toBeAttached();
  await expect(elsewhere).toHaveTitle(`${user} · Campanile`);
  await elsewhere.context().close();
});

test("what waits above the list is not marked with the rest", async ({ dashboard, api, page, user }) => {
  await api.createMany(120, "note");
  await dashboard.open({ user_id: user });
  await expect(live(page)).toBeVisible();
  await dashboard.row("note 90").scrollIntoViewIfNeeded();
  await api.create("new one");
  await expect(page.getByRole("button", { name: "1 new" })).toBeVisible();
  await page.keyboard.press("Shift+A");
  await dashboard.expectRead("note 90");
  await expect(dashboard.badge).toHaveText("1 unread");
  const unread = async () => (await api.list()).filter(({ is_read }) => !is_read).map(({ content }) => content);
  await expect.poll(unread).toEqual(["new one"]);
  await page.getByRole("button", { name: "1 new" }).click();
  await dashboard.expectUnread("new one");
  await api.create("newer");
  await dashboard.expectUnread("newer");
  await page.keyboard.press("Shift+A");
  await dashboard.expectRead("newer");
  await expect.poll(unread).toEqual([]);
});

test("filters hold for what arrives", async ({ dashboard, api, page, user }) => {
  await dashboard.open({ user_id: user, category: "alert", unread: "true" });
  await expect(live(page)).toBeVisible();
  await api.create("only a message");
  const alert = await api.create({ content: "an alert", category: "alert" });
  await expect(dashboard.row("an alert")).toBeVisible();
  await expect(dashboard.row("only a message")).toHaveCount(0);
  await expect(dashboard.badge).toHaveText("2 unread");
  await api.setRead(alert.id);
  await expect(dashboard.row("an alert")).toHaveCount(0);
});

test("the next inbox is followed when another one is chosen", async ({ dashboard, api, page, user }) => {
  const sockets = countSockets(page);
  await dashboard.open({ user_id: user });
  await expect(live(page)).toBeVisible();
  await page.getByRole("link", { name: "All inboxes" }).first().click();
  await expect(page).not.toHaveURL(/user_id/);
  await expect(live(page)).toBeVisible();
  await api.create({ user_id: "another-user", content: "to another" });
  await expect(dashboard.row("to another")).toBeVisible({ timeout: 1_000 });
  await expect.poll(sockets).toBe(1);
});

test("one tab has the connection, the others hear through it, and one of them takes over", async ({ dashboard, api, context, page, user }) => {
  await dashboard.open({ user_id: user });
  await expect(live(page)).toBeVisible();
  const second = await context.newPage();
  const sockets = countSockets(second);
  await second.goto(`${DASHBOARD}?user_id=${user}`);
  await expect(live(second)).toBeVisible();
  expect(sockets()).toBe(0);
  const row = (text: string) => second.getByRole("listitem").filter({ hasText: text });
  await api.create("through the first");
  await expect(row("through the first")).toBeVisible({ timeout: 1_000 });
  await page.close();
  await expect.poll(sockets).toBe(1);
  await expect(live(second)).toBeVisible();
  await api.create("by itself");
  await expect(row("by itself")).toBeVisible({ timeout: 1_000 });
});

test("while the connection is down it asks every five seconds, and returns by itself", async ({ dashboard, api, page, user, troubles }) => {
  troubles.expect(REFUSED_CONNECTION);
  let refuses = true;
  let tries = 0;
  await page.routeWebSocket(/\/ws\//, (socket) => {
    tries += 1;
    if (refuses) void socket.close({ code: 1001 });
    else socket.connectToServer();
  });
  await dashboard.open({ user_id: user });
  await expect(page.getByText("Updates every 5 s")).toBeVisible();
  await api.create("found by asking");
  await expect(dashboard.row("found by asking")).toBeVisible({ timeout: 7_000 });
  expect(tries).toBeLessThan(8);
  refuses = false;
  // It tries at longer and longer intervals, of at most half a minute.
  await expect(live(page)).toBeVisible({ timeout: 35_000 });
  await api.create("live again");
  await expect(dashboard.row("live again")).toBeVisible({ timeout: 1_000 });
});

test("after a code that is final it does not connect again", async ({ dashboard, page, user }) => {
  await page.clock.install();
  let tries = 0;
  await page.routeWebSocket(/\/ws\//, (socket) => {
    tries += 1;
    void socket.close({ code: 4003, reason: "not yours" });
  });
  await dashboard.open({ user_id: user });
  await expect(page.getByText("Updates every 5 s")).toBeVisible();
  await expect.poll(() => tries).toBe(1);
  await page.clock.runFor(120_000);
  expect(tries).toBe(1);
});

test("the network is cut and comes back", async ({ dashboard, api, context, page, user, troubles }) => {
  troubles.expect(REFUSED_CONNECTION);
  await api.create("before");
  await dashboard.open({ user_id: user });
  await expect(live(page)).toBeVisible();
  await context.setOffline(true);
  await expect(page.getByText("Offline", { exact: true })).toBeVisible();
  await api.create("meanwhile");
  await context.setOffline(false);
  await expect(dashboard.row("meanwhile")).toBeVisible();
  await expect(live(page)).toBeVisible();
  await api.create("after");
  await expect(dashboard.row("after")).toBeVisible({ timeout: 2_000 });
  await expect(dashboard.badge).toHaveText("3 unread");
});

test("the server is restarted", async ({ page, troubles, user }) => {
  troubles.expect(REFUSED_CONNECTION);
  troubles.expect(/status of 50/);
  const first = await startServer();
  const port = new URL(first.url).port;
  await page.goto(`${first.url}${DASHBOARD}?user_id=${user}`);
  await expect(live(page)).toBeVisible();
  const create = (url: string, content: string) => page.request.post(`${url}/api/notifications/create`, { data: { user_id: user, content } });
  await create(first.url, "before");
  await expect(page.getByRole("listitem").filter({ hasText: "before" })).toBeVisible();
  await first.stop();
  await expect(live(page)).toHaveCount(0);
  const second = await startServer(["--listen", `127.0.0.1:${port}`]);
  // The rows that were only in memory are removed, and the page shows that by itself.
  await expect(page.getByRole("listitem").filter({ hasText: "before" })).toHaveCount(0, { timeout: 15_000 });
  await expect(live(page)).toBeVisible({ timeout: 15_000 });
  await create(second.url, "after");
  await expect(page.getByRole("listitem").filter({ hasText: "after" })).toBeVisible({ timeout: 2_000 });
  await second.stop();
});

test("the machine was asleep: the connection is made anew", async ({ dashboard, page, user }) => {
  await page.clock.install();
  let connections = 0;
  page.on("websocket", () => (connections += 1));
  await dashboard.open({ user_id: user });
  await expect.poll(() => connections).toBe(1);
  await page.clock.runFor(6_000);
  await expect(live(page)).toBeVisible();
  // The clock jumps ahead: timers did not run meanwhile.
  await page.clock.fastForward(3_600_000);
  await page.clock.runFor(2_000);
  await expect.poll(() => connections).toBe(2);
  await page.clock.runFor(1_000);
  await expect(live(page)).toBeVisible();
});

test("a connection that goes silent is given up and made again", async ({ dashboard, api, page, user }) => {
  let connections = 0;
  let isSilent = false;
  await page.routeWebSocket(/\/ws\//, (socket) => {
    connections += 1;
    const connection = connections;
    const server = socket.connectToServer();
    // The page sees no end of the first connection: it only receives no more messages.
    server.onMessage((message) => {
      if (connection > 1 || !isSilent) socket.send(message);
    });
  });
  await page.clock.install();
  await dashboard.open({ user_id: user });
  await page.clock.runFor(6_000);
  await expect(live(page)).toBeVisible();
  isSilent = true;
  await api.create("missed");
  await page.clock.runFor(26_000);
  expect(connections).toBe(1);
  await page.clock.runFor(20_000);
  await expect.poll(() => connections).toBe(2);
  await expect(dashboard.row("missed")).toBeVisible();
  await page.clock.runFor(1_000);
  await expect(live(page)).toBeVisible();
});

test("a heartbeat that is ahead of the page has it ask at once", async ({ dashboard, api, page, user }) => {
  const sockets: WebSocketRoute[] = [];
  await page.routeWebSocket(/\/ws\//, (socket) => {
    sockets.push(socket);
    const server = socket.connectToServer();
    server.onMessage((message) => {
      if (!message.toString().includes("lost on the way")) socket.send(message);
    });
  });
  await dashboard.open({ user_id: user });
  await expect(live(page)).toBeVisible();
  await api.create("lost on the way");
  sockets[0]?.send(JSON.stringify({ type: "heartbeat", modseq: 9_000_000_000_000_000, unread_count: 1 }));
  await expect(dashboard.row("lost on the way")).toBeVisible();
  expect(sockets).toHaveLength(1);
});

test("an optimistic change is not undone by messages that arrive meanwhile", async ({ dashboard, api, page, user }) => {
  await api.create("mine");
  const connected = page.waitForEvent("websocket");
  await dashboard.open({ user_id: user });
  const socket = await connected;
  await expect(live(page)).toBeVisible();
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/api/ui/mark*", async (route) => {
    await held;
    await route.continue();
  });
  await dashboard.mark("mine");
  const heard = socket.waitForEvent("framereceived", ({ payload }) => payload.toString().includes("arrives"));
  await api.create("arrives");
  await heard;
  await dashboard.expectRead("mine");
  release();
  await expect(dashboard.row("arrives")).toBeVisible();
  await dashboard.expectRead("mine");
  await expect(dashboard.badge).toHaveText("1 unread");
});

test("what waits to be deleted stays away, and its count too", async ({ dashboard, api, page, user }) => {
  await api.create("doomed");
  await dashboard.open({ user_id: user });
  await expect(live(page)).toBeVisible();
  await dashboard.delete("doomed");
  await api.create("another");
  await expect(dashboard.row("another")).toBeVisible();
  await expect(dashboard.row("doomed")).toHaveCount(0);
  await expect(dashboard.badge).toHaveText("1 unread");
  await page.keyboard.press("z");
  await expect(dashboard.row("doomed")).toBeVisible();
  await expect(dashboard.badge).toHaveText("2 unread");
});

test("scrolling up by hand releases what waits above the list, in order", async ({ dashboard, api, page, user }) => {
  await api.createMany(60, "note");
  await dashboard.open({ user_id: user });
  await expect(live(page)).toBeVisible();
  // The response that contains them is slow, so that the next change arrives before it.
  let shows = () => {};
  const slow = new Promise<void>((resolve) => (shows = resolve));
  await page.route("**/api/ui/snapshot*", async (route) => {
    await slow;
    await route.continue();
  });
  await dashboard.rows.last().scrollIntoViewIfNeeded();
  for (const text of ["first", "second", "third"]) await api.create(text);
  const pill = page.getByRole("button", { name: / new$/ });
  await expect(pill).toHaveText("3 new");
  await dashboard.rows.last().hover();
  await page.mouse.wheel(0, -100_000);
  await expect.poll(() => page.locator("#list").evaluate((list) => list.scrollTop)).toBe(0);
  await api.create("fourth");
  await expect(pill).toHaveText("4 new");
  shows();
  await expect(pill).toBeHidden();
  await expect(dashboard.rows.nth(3)).toContainText("first");
  const newest = async () => (await dashboard.rows.allInnerTexts()).slice(0, 5).map((text) => /first|second|third|fourth|fifth|note/.exec(text)?.[0]);
  expect(await newest()).toEqual(["fourth", "third", "second", "first", "note"]);
  await api.create("fifth");
  await expect(dashboard.rows.first()).toContainText("fifth");
  expect(await newest()).toEqual(["fifth", "fourth", "third", "second", "first"]);
});

test.describe("when a refresh fails while live", () => {
  const snapshot = "**/api/ui/snapshot*";
  const notUpdating = (page: Page) => page.getByText("Not updating");

  /** The user comes back to the tab, so the page asks for the present. */
  const comeBack = (page: Page) => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange", { bubbles: true })));

  test("it is tried again every five seconds", async ({ dashboard, page, troubles, user }) => {
    troubles.expect(/net::ERR_FAILED/);
    await page.clock.install();
    await dashboard.open({ user_id: user });
    await expect(live(page)).toBeVisible();
    let asked = 0;
    await page.route(snapshot, (route) => {
      asked += 1;
      return route.abort();
    });
    await comeBack(page);
    await expect(notUpdating(page)).toBeVisible();
    for (const expected of [2, 3]) {
      await page.clock.runFor(5_000);
      await expect.poll(() => asked).toBeGreaterThanOrEqual(expected);
    }
    await page.unroute(snapshot);
    await page.clock.runFor(5_000);
    await expect(live(page)).toBeVisible();
    await expect(notUpdating(page)).toHaveCount(0);
  });

  test("a stream that works ends the trouble at once", async ({ dashboard, api, page, troubles, user }) => {
    troubles.expect(/net::ERR_FAILED/);
    await dashboard.open({ user_id: user });
    await expect(live(page)).toBeVisible();
    await page.route(snapshot, (route) => route.abort(), { times: 1 });
    await comeBack(page);
    await expect(notUpdating(page)).toBeVisible();
    await api.create("arrived");
    await expect(dashboard.row("arrived")).toBeVisible();
    await expect(live(page)).toBeVisible({ timeout: 1_000 });
  });
});

test("before the page runs it does not say how it is kept up to date", async ({ dashboard, page, troubles, user }) => {
  troubles.expect(/ERR_FAILED|Failed to fetch/);
  await page.route("**/*.wasm", (route) => route.abort());
  await page.goto(`${DASHBOARD}?user_id=${user}`);
  await expect(dashboard.heading).toBeVisible();
  await expect(page.getByText(/^(Live|Every 5 s|Updates every 5 s)$/)).toBeHidden();
});

test("without script the page says how it is brought up to date", async ({ api, browser, server, user }) => {
  await api.create("one");
  const context = await browser.newContext({ baseURL: server.url, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${DASHBOARD}?user_id=${user}&unread=true`);
  // Playwright finds nothing in here by what it says.
  await expect(page.locator("noscript .freshness")).toHaveText("Updates need JavaScript. Refresh");
  await api.create("two");
  await page.locator("noscript a").click();
  await expect(page.getByText("two", { exact: true })).toBeVisible();
  await expect(page).toHaveURL(/user_id=.*unread=true/);
  await context.close();
});
