import { DASHBOARD, expect, REFUSED, test } from "../fixture.ts";

test.use({ javaScriptEnabled: false });

test.beforeEach(({ troubles }) => {
  // Without scripts, Chromium cancels their preloading, and reports that as a violation of the policy.
  troubles.expect(/^csp for \S+\/pkg\/\S+\.js$/);
});

test("the page arrives with everything in it", async ({ page, dashboard, api, user }) => {
  await api.create({ content: "note", category: "alert" });
  await page.goto(`${DASHBOARD}?user_id=${user}`);
  await expect(dashboard.row("note")).toBeVisible();
  await expect(dashboard.badge).toHaveText("1 unread");
  await expect(page).toHaveTitle(`(1) ${user} · Campanile`);
  await expect(page.getByRole("button", { name: /^Theme/ })).toBeHidden();
});

test("a notification is created", async ({ page, dashboard, api, user }) => {
  await page.goto(DASHBOARD);
  await dashboard.send(user, "sent without script\r\nin two lines", "system");
  await expect(dashboard.rows).toHaveCount(1);
  expect(new URL(page.url()).pathname).toBe(DASHBOARD);
  await page.reload();
  expect(await api.list()).toMatchObject([{ content: "sent without script\nin two lines", category: "system" }]);
});

test("a refusal is shown at its field", async ({ page, dashboard, api, troubles, user }) => {
  troubles.expect(REFUSED);
  await page.goto(DASHBOARD);
  await dashboard.send(user, "   ");
  await expect(dashboard.composer.getByLabel("Text", { exact: true })).toHaveAccessibleDescription(/\S/);
  await expect(dashboard.composer.getByLabel("Text", { exact: true })).toHaveAttribute("aria-invalid", "true");
  expect(await api.list()).toEqual([]);
});

test("the list is filtered by user, kind and unread", async ({ page, dashboard, api, user }) => {
  await api.create({ content: "read alert", category: "alert" }).then(({ id }) => api.setRead(id));
  await api.create({ content: "unread alert", category: "alert" });
  await api.create("a message");
  await api.create({ user_id: `${user}-2`, content: "theirs" });
  await page.goto(DASHBOARD);
  await expect(dashboard.rows).toHaveCount(4);
  await dashboard.filters.getByLabel("User ID").fill(user);
  await dashboard.filters.getByRole("button", { name: "Open" }).click();
  await expect(dashboard.rows).toHaveCount(3);
  await dashboard.filters.getByRole("link", { name: "alert" }).click();
  await expect(dashboard.rows).toHaveCount(2);
  await page.getByRole("main").getByRole("link", { name: "Unread" }).click();
  await expect(dashboard.rows).toHaveCount(1);
  await expect(dashboard.row("unread alert")).toBeVisible();
  await page.goBack();
  await expect(dashboard.rows).toHaveCount(2);
});

test("one is marked as read, and as unread again, and the filter stays", async ({ page, dashboard, api, user }) => {
  await api.createMany(2, "note");
  await page.goto(`${DASHBOARD}?user_id=${user}`);
  await dashboard.mark("note 1");
  await dashboard.expectRead("note 1");
  await expect(dashboard.badge).toHaveText("1 unread");
  await expect(dashboard.heading).toHaveText(user);
  await dashboard.mark("note 1", "unread");
  await dashboard.expectUnread("note 1");
});

test("all are marked as read", async ({ page, dashboard, api, user }) => {
  await api.createMany(2, "note");
  await page.goto(`${DASHBOARD}?user_id=${user}`);
  await page.getByRole("button", { name: "Mark all read" }).click();
  await dashboard.expectRead("note 1");
  await dashboard.expectRead("note 2");
});

test("one is deleted", async ({ page, dashboard, api, user }) => {
  await api.createMany(2, "note");
  await page.goto(`${DASHBOARD}?user_id=${user}`);
  await dashboard.delete("note 1");
  await expect(dashboard.rows).toHaveCount(1);
  expect(await api.list()).toHaveLength(1);
});

test("older ones are a page away", async ({ page, dashboard, api, user }) => {
  await api.createMany(60, "note");
  await page.goto(`${DASHBOARD}?user_id=${user}`);
  await page.getByRole("link", { name: "Show older" }).click();
  await expect(dashboard.rows).toHaveCount(10);
  await page.getByRole("link", { name: "Back to the newest" }).click();
  await expect(dashboard.rows).toHaveCount(50);
});

test("a long text can be read", async ({ page, dashboard, api }) => {
  await api.create(`${"long ".repeat(1_000)}end`);
  await page.goto(DASHBOARD);
  const clipped = await dashboard.rows.first().locator("p").first().boundingBox();
  expect(clipped?.height).toBeGreaterThan(300);
});

test("on a phone the form is a link away", async ({ page, dashboard, user }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(DASHBOARD);
  await page.getByRole("link", { name: "New" }).click();
  await dashboard.send(user, "from a phone");
  await expect(dashboard.row("from a phone")).toBeVisible();
});

test("a search is a form that keeps the inbox", async ({ page, dashboard, api, user }) => {
  await api.create("Your order has shipped");
  await api.create("Disk almost full");
  await api.create({ user_id: `${user}-2`, content: "another order" });
  await page.goto(`${DASHBOARD}?user_id=${user}`);
  await page.getByRole("searchbox", { name: "Search titles and texts" }).fill("order");
  await page.getByRole("searchbox", { name: "Search titles and texts" }).press("Enter");
  await expect(dashboard.rows).toHaveCount(1);
  await expect(dashboard.row("Your order has shipped")).toBeVisible();
});

test("a form that is sent twice sends once, and the next page's form is another one", async ({ page, dashboard, api, user }) => {
  await page.goto(DASHBOARD);
  const key = page.locator("#compose input[name=idempotency_key]");
  const first = await key.inputValue();
  const form = { user_id: user, content: "once", category: "message", title: "", link: "", idempotency_key: first };
  for (let n = 0; n < 3; n += 1) expect((await page.request.post("/api/ui/send", { form })).ok()).toBe(true);
  expect(await api.list()).toHaveLength(1);
  await dashboard.send(user, "once");
  await expect(dashboard.rows).toHaveCount(1);
  expect(await key.inputValue()).not.toBe(first);
  await dashboard.send(user, "once");
  await expect(dashboard.rows).toHaveCount(2);
});

test("an expiry is in UTC, and the form says so", async ({ page, dashboard, api, troubles, user }) => {
  troubles.expect(REFUSED);
  await page.goto(DASHBOARD);
  const { composer } = dashboard;
  await composer.getByText("More", { exact: true }).click();
  const expires = composer.getByLabel("Expires (in UTC)", { exact: true });
  await expires.fill("2020-01-31T12:00");
  await composer.getByLabel("Idempotency key").fill("order 7");
  await dashboard.send(user, "for a while");
  await expect(expires).toHaveAccessibleDescription("This time is past. Choose a later one, or none.");
  await expect(expires).toHaveValue("2020-01-31T12:00");
  await expect(composer.getByLabel("Idempotency key")).toHaveValue("order 7");
  await expires.fill("2100-01-31T12:00");
  await composer.getByRole("button", { name: "Send" }).click();
  await expect.poll(() => api.list()).toMatchObject([{ content: "for a while", expires_at: "2100-01-31T12:00:00.000000Z" }]);
});

test("a refused form keeps everything that was typed", async ({ page, dashboard, api, troubles, user }) => {
  troubles.expect(REFUSED);
  const text = `\n<b>one</b> & "two"\n${"x".repeat(16_400)}`;
  await page.goto(`${DASHBOARD}?user_id=${user}&category=alert`);
  const { composer } = dashboard;
  await composer.getByText("More", { exact: true }).click();
  await composer.getByLabel("Title").fill("A \"title\"");
  await composer.getByLabel("Link").fill("javascript:alert(1)");
  await dashboard.send("another user ", text, "update");
  const content = composer.getByLabel("Text", { exact: true });
  await expect(content).toHaveAccessibleDescription(/16384|16,384/);
  await expect(composer.getByLabel("Link")).toHaveAccessibleDescription(/http/);
  await expect(content).toHaveValue(text);
  await expect(composer.getByLabel("To", { exact: true })).toHaveValue("another user ");
  await expect(composer.getByLabel("Title")).toHaveValue("A \"title\"");
  await expect(composer.getByLabel("Link")).toHaveValue("javascript:alert(1)");
  await expect(composer.getByRole("radio", { name: "update" })).toBeChecked();
  // The page is the one that the form was on, and nothing of it is in an address.
  await expect(dashboard.heading).toHaveText(user);
  expect(page.url().length).toBeLessThan(200);
  expect(await api.list("another user")).toEqual([]);
  await content.fill("short enough");
  await composer.getByLabel("Link").fill("/orders/7");
  await composer.getByRole("button", { name: "Send" }).click();
  await expect.poll(() => api.list("another user")).toMatchObject([
    { content: "short enough", title: "A \"title\"", link: "/orders/7", category: "update" },
  ]);
  expect(new URL(page.url()).pathname).toBe(DASHBOARD);
  await expect(dashboard.heading).toHaveText(user);
});
