import type { Page } from "@playwright/test";
import { DASHBOARD, expect, REFUSED, refusal, test, withoutLive } from "../fixture.ts";
import { type Fate, startGateway } from "../gateway.ts";

test("a notification that is sent is in the list at once, and on the server", async ({ dashboard, api, user }) => {
  await dashboard.open();
  await dashboard.send(user, "Your order has been shipped!", "alert");
  const row = dashboard.row("Your order has been shipped!");
  await expect(row).toBeVisible();
  await expect(row.getByText("alert")).toBeVisible();
  await expect(row.getByRole("link", { name: user })).toBeVisible();
  await dashboard.expectUnread("Your order has been shipped!");
  await expect.poll(() => api.list()).toMatchObject([
    { user_id: user, content: "Your order has been shipped!", category: "alert", is_read: false },
  ]);
  await dashboard.page.reload();
  await expect(row).toHaveCount(1);
});

test("the form keeps the user id and clears the text", async ({ dashboard, user }) => {
  await dashboard.open();
  await dashboard.send(user, "once");
  await expect(dashboard.composer.getByLabel("Text", { exact: true })).toHaveValue("");
  await expect(dashboard.composer.getByLabel("To", { exact: true })).toHaveValue(user);
});

test("a category of one's own is sent, and an invalid one is refused at its field", async ({ dashboard, api, user }) => {
  await dashboard.open();
  const field = dashboard.composer.getByLabel("Other category");
  await expect(field).toBeHidden();
  await dashboard.send(user, "Your invoice", "Other…");
  await expect(field).toHaveAttribute("aria-invalid", "true");
  expect(await api.list()).toEqual([]);
  await field.fill("Not One!");
  await dashboard.send(user, "Another");
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await field.fill("billing");
  await dashboard.send(user, "Another");
  await expect(dashboard.row("Another").getByText("billing", { exact: true })).toBeVisible();
  await expect.poll(async () => (await api.list()).map(({ category }) => category)).toEqual(["billing"]);
});

test("the user id is trimmed, follows the inbox that is open, and goes with it", async ({ dashboard, api, page, user }) => {
  await api.create("mine");
  await dashboard.open({ user_id: user });
  const to = dashboard.composer.getByLabel("To", { exact: true });
  await expect(to).toHaveValue(user);
  await dashboard.filters.getByRole("link", { name: "All inboxes" }).click();
  await expect(to).toHaveValue("");
  await to.fill("typed");
  await dashboard.row("mine").getByRole("link", { name: user }).click();
  await expect(to).toHaveValue(user);
  await page.goBack();
  await dashboard.send(` ${user} `, "trimmed");
  await expect(dashboard.row("trimmed")).toBeVisible();
  await expect.poll(async () => (await api.list()).length).toBe(2);
});

test("Ctrl+Enter sends", async ({ dashboard, page, user }) => {
  await dashboard.open();
  await dashboard.composer.getByLabel("To", { exact: true }).fill(user);
  await dashboard.composer.getByLabel("Text", { exact: true }).fill("by keyboard");
  await page.keyboard.press("Control+Enter");
  await expect(dashboard.row("by keyboard")).toBeVisible();
});

test("a title and a link go along", async ({ dashboard, api, user }) => {
  await dashboard.open();
  await dashboard.composer.getByText("More", { exact: true }).click();
  await dashboard.composer.getByLabel("Title", { exact: true }).fill("Order 7");
  await dashboard.composer.getByLabel("Link", { exact: true }).fill("https://example.com/orders/7");
  await dashboard.send(user, "It has been shipped.");
  const row = dashboard.row("It has been shipped.");
  await expect(row.getByRole("heading", { name: "Order 7" })).toBeVisible();
  await expect(row.getByRole("link", { name: "example.com/orders/7" })).toHaveAttribute("href", "https://example.com/orders/7");
  await expect.poll(() => api.list()).toMatchObject([{ title: "Order 7", link: "https://example.com/orders/7" }]);
});

test("a date that is not whole opens its field", async ({ dashboard, page, user }) => {
  await dashboard.open({ user_id: user });
  const more = dashboard.composer.getByText("More", { exact: true });
  await more.click();
  await page.locator("#expires").focus();
  await page.keyboard.type("12");
  await more.click();
  await dashboard.composer.getByLabel("Text", { exact: true }).fill("hello");
  await dashboard.composer.getByRole("button", { name: "Send" }).click();
  await expect(page.locator("#expires")).toBeFocused();
});

test.describe("far from UTC", () => {
  test.use({ timezoneId: "Asia/Tokyo" });

  test("an expiry is in the browser's time, and goes with the text", async ({ dashboard, api, user }) => {
    await dashboard.open();
    await dashboard.composer.getByText("More", { exact: true }).click();
    const expires = dashboard.composer.getByLabel("Expires", { exact: true });
    await expires.fill("2100-01-31T12:00");
    await dashboard.send(user, "for a while");
    await expect.poll(() => api.list()).toMatchObject([{ content: "for a while", expires_at: "2100-01-31T03:00:00.000000Z" }]);
    await expect(expires).toHaveValue("");
  });

  /** Opens the page without its script, which arrives once the returned function is called. */
  async function openEarly(page: Page): Promise<() => void> {
    let load = (): void => {};
    const loads = new Promise<void>((resolve) => (load = resolve));
    await page.route("**/*.wasm", async (route) => {
      await loads;
      await route.continue();
    });
    await page.goto("/");
    await page.locator("#compose").getByText("More", { exact: true }).click();
    return load;
  }

  test("an expiry that was typed before the script was there stays the same moment", async ({ dashboard, page }) => {
    const load = await openEarly(page);
    await page.locator("#expires").fill("2100-01-31T12:00");
    load();
    await dashboard.hydrated();
    await expect(page.locator("#expires")).toHaveValue("2100-01-31T21:00");
  });

  test("an expiry of which the half was typed then can be typed to its end", async ({ dashboard, page }) => {
    const load = await openEarly(page);
    await page.locator("#expires").focus();
    // Whether the day comes first or the month; and PM is for a clock of twelve hours.
    await page.keyboard.type("0101");
    load();
    await dashboard.hydrated();
    await page.keyboard.type("2100");
    await page.keyboard.type("1200PM");
    await expect(page.locator("#expires")).toHaveValue("2100-01-01T12:00");
  });
});

test("an expiry that is past is refused at its field, and what was typed stays", async ({ dashboard, api, troubles, user }) => {
  troubles.expect(REFUSED);
  await dashboard.open();
  const more = dashboard.composer.getByText("More", { exact: true });
  await more.click();
  const expires = dashboard.composer.getByLabel("Expires", { exact: true });
  await expires.fill("2020-01-31T12:00");
  await dashboard.composer.getByLabel("Idempotency key").fill("order 7");
  await more.click();
  await dashboard.send(user, "too late");
  await expect(expires).toHaveAccessibleDescription("This time is past. Choose a later one, or none.");
  await expect(expires).toBeFocused();
  await expect(expires).toHaveValue("2020-01-31T12:00");
  await expect(dashboard.composer.getByLabel("Idempotency key")).toHaveValue("order 7");
  await expect(dashboard.composer.getByLabel("Text", { exact: true })).toHaveValue("too late");
  await expect(dashboard.rows).toHaveCount(0);
  await expires.fill("");
  await dashboard.composer.getByRole("button", { name: "Send" }).click();
  await expect.poll(() => api.list()).toHaveLength(1);
  expect((await api.list())[0]).not.toHaveProperty("expires_at");
});

test("an idempotency key of one's own sends once, and is refused for something else", async ({ dashboard, api, troubles, user }) => {
  troubles.expect(REFUSED);
  await dashboard.open();
  await dashboard.composer.getByText("More", { exact: true }).click();
  const key = dashboard.composer.getByLabel("Idempotency key");
  const sendAs = async (text: string, name: string) => {
    await key.fill(name);
    const answer = dashboard.page.waitForResponse("**/api/ui/send");
    await dashboard.send(user, text);
    return (await answer).status();
  };
  for (let n = 0; n < 2; n += 1) {
    expect(await sendAs("once", "mine")).toBe(200);
    await expect(key).toHaveValue("");
    await expect(dashboard.rows).toHaveCount(1);
  }
  expect(await sendAs("another", "mine")).toBe(422);
  await expect(key).toHaveAccessibleDescription(/^This key was used for another request/);
  await expect(key).toHaveValue("mine");
  expect(await sendAs("another", "Schlüssel")).toBe(422);
  await expect(key).toHaveAccessibleDescription(/printable ASCII/);
  expect(await api.list()).toHaveLength(1);
});

test("a notification for another inbox does not appear in the inbox shown", async ({ dashboard, api, user }) => {
  await api.create("mine");
  await dashboard.open({ user_id: user });
  await dashboard.send(`${user}-other`, "theirs");
  await expect(dashboard.toasts).toContainText(`Sent to ${user}-other`);
  await expect(dashboard.rows).toHaveCount(1);
  await expect.poll(() => api.list(`${user}-other`)).toHaveLength(1);
});

test("a blank text is refused at its field and nothing is sent", async ({ dashboard, api, user }) => {
  await dashboard.open();
  await dashboard.send(user, "   ");
  const text = dashboard.composer.getByLabel("Text", { exact: true });
  await expect(text).toHaveAttribute("aria-invalid", "true");
  await expect(text).toHaveAccessibleDescription(/\S/);
  await expect(text).toBeFocused();
  expect(await api.list()).toEqual([]);
});

test("an invalid link is refused at its field", async ({ dashboard, user }) => {
  await dashboard.open();
  await dashboard.composer.getByText("More", { exact: true }).click();
  const link = dashboard.composer.getByLabel("Link", { exact: true });
  await link.fill("javascript:alert(1)");
  await dashboard.send(user, "with a bad link");
  await expect(link).toHaveAttribute("aria-invalid", "true");
  await expect(link).toHaveAccessibleDescription(/https?:\/\//);
  await expect(dashboard.row("with a bad link")).toHaveCount(0);
});

test("what the server refuses goes back into the form, with the reason at its field", async ({ dashboard, page, troubles, user }) => {
  troubles.expect(REFUSED);
  const errors = [{ field: "user_id", message: "This inbox is closed." }];
  await page.route("**/api/ui/send", (route) => route.fulfill(refusal(422, "invalid_input", "user_id: closed", errors)));
  await dashboard.open();
  await dashboard.send(user, "please");
  const to = dashboard.composer.getByLabel("To", { exact: true });
  await expect(to).toHaveAccessibleDescription(/This inbox is closed\./);
  await expect(dashboard.composer.getByLabel("Text", { exact: true })).toHaveValue("please");
  await expect(dashboard.row("please")).toHaveCount(0);
});

test("a refusal that belongs to no field is an alert", async ({ dashboard, page, troubles, user }) => {
  troubles.expect(REFUSED);
  await page.route("**/api/ui/send", (route) => route.fulfill(refusal(503, "unavailable", "The store is away.")));
  await dashboard.open();
  await dashboard.send(user, "please");
  await expect(dashboard.composer.getByRole("alert")).toContainText("The store is away.");
  await expect(dashboard.composer.getByLabel("Text", { exact: true })).toHaveValue("please");
});

test("the length of the text is counted while it is typed", async ({ dashboard }) => {
  await dashboard.open();
  await dashboard.composer.getByLabel("Text", { exact: true }).fill("é🔔x");
  await expect(dashboard.composer.getByText("3 / 16,384")).toBeVisible();
});

test("on a phone the form is a sheet that opens and closes", async ({ dashboard, page, user }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await dashboard.open();
  await expect(dashboard.composer.getByLabel("To", { exact: true })).toBeHidden();
  await page.getByRole("link", { name: "New" }).click();
  await expect(dashboard.composer.getByLabel("To", { exact: true })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dashboard.composer.getByLabel("To", { exact: true })).toBeHidden();
  await page.getByRole("link", { name: "New" }).click();
  await dashboard.send(user, "from a phone");
  await expect(dashboard.row("from a phone")).toBeVisible();
  await expect(dashboard.composer.getByLabel("To", { exact: true })).toBeHidden();
});

test("messages can be reached while the sheet is open", async ({ dashboard, page, user }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await dashboard.open({ user_id: user });
  await page.getByRole("link", { name: "New" }).click();
  await dashboard.send(`${user}-2`, "elsewhere");
  const said = dashboard.toasts.locator("p");
  await expect(said).toHaveText(`Sent to ${user}-2.`);
  expect(await said.evaluate((it) => it.closest("[inert]"))).toBeNull();
  await dashboard.toasts.getByRole("button", { name: "Dismiss" }).click();
  await expect(said).toHaveCount(0);
});

test("a wrong link opens its field", async ({ dashboard, user }) => {
  await dashboard.open({ user_id: user });
  await dashboard.composer.getByText("More", { exact: true }).click();
  await dashboard.composer.getByLabel("Link", { exact: true }).fill("javascript:alert(1)");
  await dashboard.composer.getByText("More", { exact: true }).click();
  await dashboard.send(user, "x");
  await expect(dashboard.composer.getByLabel("Link", { exact: true })).toBeFocused();
});

test("the sheet is a dialog: nothing behind it is reached, and Back closes it", async ({ dashboard, page, api }) => {
  await api.create("behind");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto("about:blank");
  await dashboard.open();
  await page.getByRole("link", { name: "New" }).click();
  await expect(page.getByRole("dialog", { name: "Send a notification" })).toBeVisible();
  await expect(page.locator("main")).toHaveAttribute("inert");
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press("Tab");
    const where = await page.evaluate(() => document.activeElement === document.body || document.activeElement?.closest("#compose") !== null);
    expect(where, await page.evaluate(() => document.activeElement?.outerHTML)).toBe(true);
  }
  await page.goBack();
  await expect(dashboard.composer.getByLabel("To", { exact: true })).toBeHidden();
  await expect(dashboard.row("behind")).toBeVisible();
  await expect(page.getByRole("link", { name: "New" })).toBeFocused();
  await page.getByRole("link", { name: "New" }).click();
  await page.keyboard.press("Escape");
  await expect(page.locator("main")).not.toHaveAttribute("inert");
  expect(new URL(page.url()).hash).toBe("");
});

test("a link to the sheet opens it, and closing it stays on the page", async ({ dashboard, page }) => {
  await page.setViewportSize({ width: 820, height: 1180 });
  await page.goto(`${DASHBOARD}#compose`);
  await dashboard.hydrated();
  await expect(dashboard.composer.getByLabel("To", { exact: true })).toBeFocused();
  await dashboard.composer.getByRole("button", { name: "Close" }).click();
  await expect(dashboard.composer.getByLabel("To", { exact: true })).toBeHidden();
  expect(new URL(page.url()).pathname).toBe(DASHBOARD);
});

for (const [width, opens] of [[1280, true], [1281, false]] as const)
  test(`at ${width} px the form ${opens ? "opens from New" : "has its own column"}`, async ({ dashboard, page }) => {
    await page.setViewportSize({ width, height: 900 });
    await dashboard.open();
    const to = dashboard.composer.getByLabel("To", { exact: true });
    await expect(page.getByRole("link", { name: "New" })).toBeVisible({ visible: opens });
    await expect(to).toBeVisible({ visible: !opens });
    await page.keyboard.press("n");
    await expect(to).toBeFocused();
  });

test("the root leads to the dashboard", async ({ page, dashboard }) => {
  await page.goto("/");
  await dashboard.hydrated();
  expect(new URL(page.url()).pathname).toBe(DASHBOARD);
});

test("the first use says how to begin, with a command that works", async ({ dashboard, page, context, server }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await dashboard.open();
  await page.getByRole("button", { name: "Copy" }).click();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  expect(command).toContain(`${server.url}/api/notifications/create`);
  const body = /-d '(.*)'/.exec(command)?.[1] ?? "";
  await page.request.post("/api/notifications/create", { headers: { "content-type": "application/json" }, data: body });
  await page.reload();
  await expect(dashboard.row("Your order has been shipped!")).toBeVisible();
});

test.describe("the answer is lost", () => {
  /** Chromium's message about a connection that ends without a response. */
  const LOST = /net::ERR_(EMPTY_RESPONSE|CONNECTION_RESET|SOCKET_NOT_CONNECTED)/;

  const SEND = "/api/ui/send";
  /** While a send's answer is lost, the others pass. */
  const loses = (path: string): Fate => (path === SEND ? "is lost" : "passes");

  test("the list says that it was sent, and it was sent once", async ({ dashboard, api, page, server, troubles, user }) => {
    troubles.expect(LOST);
    await withoutLive(page);
    const gateway = await startGateway(server.url);
    gateway.decide = loses;
    await page.goto(`${gateway.url}${DASHBOARD}?user_id=${user}`);
    await dashboard.hydrated();
    await dashboard.send(user, "once");
    await expect(dashboard.row("once")).toHaveCount(1);
    await expect(dashboard.toasts).toContainText(`Sent to ${user}.`);
    await expect(dashboard.composer.getByLabel("Text", { exact: true })).toHaveValue("");
    await expect(dashboard.composer.getByRole("alert")).toBeHidden();
    expect(await api.list()).toHaveLength(1);
    expect(gateway.count(SEND)).toBeGreaterThan(0);
    await page.goto("about:blank");
    gateway.stop();
  });

  test("where no list shows it, sending again sends it once; a new text is a new one", async ({ dashboard, api, page, server, troubles, user }) => {
    troubles.expect(LOST);
    await withoutLive(page);
    const gateway = await startGateway(server.url);
    gateway.decide = loses;
    await page.goto(`${gateway.url}${DASHBOARD}?user_id=${user}-other`);
    await dashboard.hydrated();
    await dashboard.send(user, "once");
    await expect(dashboard.composer.getByRole("alert")).toContainText("Not confirmed.");
    await expect(dashboard.composer.getByLabel("Text", { exact: true })).toHaveValue("once");
    const before = gateway.count(SEND);
    gateway.decide = () => "passes";
    await dashboard.composer.getByRole("button", { name: "Send", exact: true }).click();
    await expect(dashboard.toasts).toContainText(`Sent to ${user}.`);
    await expect(dashboard.composer.getByRole("alert")).toBeHidden();
    expect(gateway.count(SEND)).toBe(before + 1);
    expect(await api.list()).toHaveLength(1);
    // A text that was changed, or typed again, after a failed confirmation is another submission.
    gateway.decide = loses;
    await dashboard.send(user, "twice");
    await expect(dashboard.composer.getByRole("alert")).toContainText("Not confirmed.");
    gateway.decide = () => "passes";
    await dashboard.send(user, "once");
    await expect.poll(async () => (await api.list()).map(({ content }) => content)).toEqual(["once", "twice", "once"]);
    await page.goto("about:blank");
    gateway.stop();
  });
});
