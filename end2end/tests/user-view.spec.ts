import { expect, signInWith, signToken, test } from "../auth.ts";
import { DASHBOARD, REFUSED } from "../fixture.ts";

// A user who signed in with a token sees the same page with fewer parts: only their own inbox.
test.beforeEach(async ({ page, user }) => {
  await page.goto("/login");
  await signInWith(page, signToken(user));
  await expect(page.getByRole("heading", { level: 1, name: "Your inbox" })).toBeVisible();
});

test("the own inbox is there, and nothing of any other", async ({ api, dashboard, page, user }) => {
  await api.create("mine");
  await api.create({ user_id: `${user}-2`, content: "theirs" });
  await dashboard.open();
  await expect(dashboard.heading).toHaveText("Your inbox");
  await expect(page).toHaveTitle("(1) Your inbox · Campanile");
  await expect(dashboard.rows).toHaveCount(1);
  await expect(dashboard.row("mine").getByRole("link")).toHaveCount(0);
  await expect(dashboard.composer).toHaveCount(0);
  await expect(page.getByRole("link", { name: "New" })).toHaveCount(0);
  await expect(dashboard.filters.getByLabel("User ID")).toHaveCount(0);
  await expect(page.getByText("All inboxes")).toHaveCount(0);
  await expect(page.getByText(`${user}-2`)).toHaveCount(0);
  await page.getByRole("button", { name: "Account" }).click();
  await expect(page.getByText(`Signed in as ${user}`)).toBeVisible();
  await expect(page.getByRole("button", { name: "Sign out" })).toBeVisible();
});

test("an address that asks for another user leads to the own inbox, on the server and in the browser", async ({ api, dashboard, page, user }) => {
  await api.create("mine");
  await api.create({ user_id: `${user}-2`, content: "theirs" });
  for (const user_id of [`${user}-2`, "x".repeat(129), "a\0b"]) {
    await dashboard.open({ user_id });
    await expect(dashboard.heading).toHaveText("Your inbox");
    await expect(dashboard.row("mine")).toBeVisible();
    await expect(dashboard.rows).toHaveCount(1);
  }
  await dashboard.filters.getByRole("link", { name: "message" }).click();
  await expect(page).toHaveURL(`${DASHBOARD}?category=message`);
  await page.goBack();
  await expect(dashboard.heading).toHaveText("Your inbox");
  await expect(dashboard.row("mine")).toBeVisible();
});

test("kinds, unread and words are filtered, and the address says no user id", async ({ api, dashboard, page }) => {
  await api.create({ content: "read alert", category: "alert" }).then(({ id }) => api.setRead(id));
  await api.create({ content: "unread alert", category: "alert" });
  await api.create("a message");
  await dashboard.open();
  await dashboard.filters.getByRole("link", { name: "alert" }).click();
  await expect(dashboard.rows).toHaveCount(2);
  await page.getByRole("main").getByRole("link", { name: "Unread" }).click();
  await expect(dashboard.rows).toHaveCount(1);
  await expect(page).toHaveURL(`${DASHBOARD}?category=alert&unread=true`);
  await page.reload();
  await dashboard.hydrated();
  await expect(dashboard.row("unread alert")).toBeVisible();
  await page.getByRole("searchbox", { name: "Search titles and texts" }).fill("nowhere");
  await expect(page.getByRole("main")).toContainText("There is nothing unread of category “alert” with “nowhere”.");
  await page.getByRole("link", { name: "Clear filters" }).click();
  await expect(dashboard.rows).toHaveCount(3);
  await expect(page).toHaveURL(DASHBOARD);
});

test("one is marked, all are marked, and a deletion is undone or done", async ({ api, dashboard, page }) => {
  await api.createMany(3, "note");
  await dashboard.open();
  await dashboard.mark("note 1");
  await dashboard.expectRead("note 1");
  await expect(dashboard.badge).toHaveText("2 unread");
  await dashboard.delete("note 2");
  await dashboard.toasts.getByRole("button", { name: "Undo" }).click();
  await expect(dashboard.row("note 2")).toBeVisible();
  await page.getByRole("button", { name: "Mark all read" }).click();
  await dashboard.expectRead("note 3");
  await expect(dashboard.badge).toBeHidden();
  await dashboard.delete("note 3");
  await page.reload();
  await expect.poll(async () => (await api.list()).map(({ content, is_read }) => [content, is_read])).toEqual([
    ["note 2", true],
    ["note 1", true],
  ]);
});

test("what arrives is shown at once, over the connection of the own inbox", async ({ api, dashboard, page, user }) => {
  const sockets: string[] = [];
  // The page after the sign-in also connects, once it is hydrated; that connection must not be counted.
  await page.goto("about:blank");
  page.on("websocket", (socket) => sockets.push(new URL(socket.url()).pathname));
  await dashboard.open({ user_id: "another-user" });
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  await api.create({ user_id: `${user}-2`, content: "theirs" });
  await api.create("mine");
  await expect(dashboard.row("mine")).toBeVisible({ timeout: 1_000 });
  await expect(dashboard.rows).toHaveCount(1);
  await expect(page).toHaveTitle("(1) Your inbox · Campanile");
  expect(sockets).toEqual([`/ws/${user}`]);
});

test("an empty inbox is quiet, and does not explain how to send", async ({ api, dashboard, page, user }) => {
  await api.create({ user_id: `${user}-2`, content: "theirs" });
  await dashboard.open();
  await expect(page.getByRole("main")).toContainText("What arrives for you shows here by itself.");
  await expect(page.getByText("curl")).toHaveCount(0);
  await api.create("the first");
  await expect(dashboard.row("the first")).toBeVisible();
});

test("keys that would send or choose an inbox do nothing, and the help does not speak of them", async ({ api, dashboard, page }) => {
  await api.create("note");
  await dashboard.open();
  await page.keyboard.press("n");
  await page.keyboard.press("/");
  await expect(page.locator("body")).toBeFocused();
  await page.keyboard.press("j");
  await page.keyboard.press("e");
  await dashboard.expectRead("note");
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(help).toContainText("Mark all as read");
  await expect(help).not.toContainText(/Choose an inbox|Write a notification|Send/);
});

test("when the token is over the page says so, and everything shown stays", async ({ api, dashboard, page, troubles, user }) => {
  troubles.expect(REFUSED);
  troubles.expect(/WebSocket connection to '.*' failed/);
  await api.create("stays");
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await signInWith(page, signToken(user, 4));
  await dashboard.hydrated();
  await expect(dashboard.row("stays")).toBeVisible();
  await expect(page.getByRole("main").getByText("You are signed out.")).toBeVisible({ timeout: 15_000 });
  await expect(dashboard.row("stays")).toBeVisible();
  await dashboard.mark("stays");
  await expect(dashboard.toasts).toContainText("Not marked as read.");
  await expect(page.getByText("You are signed out.").filter({ visible: true }), "once").toHaveCount(1);
  await dashboard.expectUnread("stays");
});

for (const colorScheme of ["light", "dark"] as const)
  for (const [width, height] of [[320, 640], [390, 844], [820, 1180], [1440, 900]] as const)
    test(`axe finds nothing at ${width} px in ${colorScheme} colours, and nothing is cut off`, async ({ api, dashboard, page, expectAccessible }) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height });
      await dashboard.open();
      await expectAccessible();
      await api.createMany(4, "note");
      await expect(dashboard.rows).toHaveCount(4);
      await expectAccessible();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    });
