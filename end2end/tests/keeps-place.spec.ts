import { DASHBOARD, expect, settled, test } from "../fixture.ts";

test("undoing several marks under Unread leaves the focus in the list", async ({ dashboard, api, page, user }) => {
  await api.createMany(9, "note");
  await dashboard.open({ user_id: user, unread: "true" });
  await dashboard.row("note 8").focus();
  // They stand apart, so that the rows between them change places when they return.
  for (const text of ["note 8", "note 6", "note 3"]) {
    await dashboard.row(text).focus();
    await page.keyboard.press("e");
    await expect(dashboard.row(text)).toHaveCount(0);
  }
  await expect.poll(async () => (await api.list()).filter(({ is_read }) => is_read).length).toBe(3);
  await page.keyboard.press("z");
  await expect(dashboard.rows).toHaveCount(9);
  await expect.poll(() => page.evaluate(() => document.activeElement?.closest(".rows") !== null)).toBe(true);
  await page.keyboard.press("j");
  await expect(page.locator(".row:focus")).toHaveCount(1);
});

for (const [key, field] of [
  ["/", "inbox-of"],
  ["s", "search"],
  ["n", "text"],
])
  test(`Escape goes back from the field of ${key} to the row`, async ({ dashboard, api, page, user }) => {
    await page.setViewportSize({ width: 1440, height: 900 });
    await api.createMany(5, "note");
    await dashboard.open({ user_id: user });
    await dashboard.row("note 4").focus();
    await page.keyboard.press("j");
    await expect(dashboard.row("note 3")).toBeFocused();
    await page.keyboard.press(key!);
    await expect(page.locator(`#${field}`)).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(dashboard.row("note 3")).toBeFocused();
    await page.keyboard.press("j");
    await expect(dashboard.row("note 2")).toBeFocused();
  });

test("Escape goes back from the form that is a sheet, and a second one leaves the row as it is", async ({ dashboard, api, page, user }) => {
  await page.setViewportSize({ width: 1030, height: 844 });
  await api.createMany(5, "note");
  await dashboard.open({ user_id: user });
  await dashboard.row("note 3").focus();
  await page.keyboard.press("n");
  await expect(page.getByRole("dialog", { name: "Send a notification" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dashboard.row("note 3")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dashboard.row("note 3")).toBeFocused();
  await page.keyboard.press("j");
  await expect(dashboard.row("note 2")).toBeFocused();
});

test("what was typed into a field and not asked for goes with Escape", async ({ dashboard, api, page, user }) => {
  await api.createMany(5, "note");
  await dashboard.open({ user_id: user });
  await dashboard.row("note 3").focus();
  await page.keyboard.press("/");
  await page.keyboard.type("another");
  await expect(page.locator("#inbox-of"), "it was selected").toHaveValue("another");
  await page.keyboard.press("Escape");
  await expect(page.locator("#inbox-of")).toHaveValue(user);
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url() + (request.postData() ?? "")));
  await page.keyboard.press("s");
  await page.keyboard.type("zzz");
  await page.keyboard.press("Escape");
  await expect(dashboard.row("note 3")).toBeFocused();
  await expect(dashboard.rows).toHaveCount(5);
  // A search that waited to be asked for would come before the next one.
  await page.keyboard.press("s");
  await page.keyboard.type("note 4");
  await expect(dashboard.rows).toHaveCount(1);
  expect(asked.filter((url) => url.includes("zzz"))).toEqual([]);
});

test("Escape from the search goes to its first result where the row is not among them", async ({ dashboard, api, page, user }) => {
  await api.createMany(5, "note");
  await dashboard.open({ user_id: user });
  await dashboard.row("note 3").focus();
  await page.keyboard.press("x");
  await page.keyboard.press("s");
  await expect(page.locator("#search"), "also where rows were selected").toBeFocused();
  await page.keyboard.type("note 5");
  await expect(dashboard.rows).toHaveCount(1);
  await page.keyboard.press("Escape");
  await expect(dashboard.row("note 5")).toBeFocused();
});

test("Escape leaves a field that the pointer went to", async ({ dashboard, api, page, user }) => {
  await api.createMany(5, "note");
  await dashboard.open({ user_id: user });
  await dashboard.row("note 4").focus();
  await page.getByRole("searchbox", { name: "Search titles and texts" }).click();
  await page.keyboard.press("Escape");
  await expect(page.locator("body")).toBeFocused();
});

for (const width of [390, 1440])
  test(`going back from another page shows the same rows, at ${width} px`, async ({ dashboard, api, page, user }) => {
    await page.setViewportSize({ width, height: 844 });
    await api.createMany(160, "note");
    await dashboard.open({ user_id: user });
    await page.getByRole("link", { name: "Show older" }).click();
    await expect(dashboard.rows).toHaveCount(100);
    await dashboard.row("note 75").scrollIntoViewIfNeeded();
    const top = async () => Math.round((await dashboard.row("note 75").boundingBox())?.y ?? Number.NaN);
    const before = await settled(top);
    await page.evaluate(() => location.assign("/operations/webhooks"));
    await expect(page.getByRole("heading", { level: 1, name: "Webhooks" })).toBeVisible();
    await page.goBack();
    await dashboard.hydrated();
    await expect(dashboard.rows).toHaveCount(100);
    await expect.poll(async () => Math.abs((await top()) - before)).toBeLessThan(3);
    expect(new URL(page.url()).pathname).toBe(DASHBOARD);
    // And again, as it was left.
    await page.reload();
    await dashboard.hydrated();
    await expect.poll(async () => Math.abs((await top()) - before)).toBeLessThan(3);
  });

test("going back shows the same rows where the form lay over them as a sheet", async ({ dashboard, api, page, user }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await api.createMany(160, "note");
  await dashboard.open({ user_id: user });
  await page.getByRole("link", { name: "Show older" }).click();
  await expect(dashboard.rows).toHaveCount(100);
  await dashboard.row("note 75").scrollIntoViewIfNeeded();
  // Below the form, no role can be found.
  const top = async () => (await page.locator(".row", { hasText: "note 75" }).boundingBox())?.y ?? Number.NaN;
  const before = await settled(top);
  await page.locator("#compose-open").click();
  await expect(page.getByRole("dialog", { name: "Send a notification" })).toBeVisible();
  await page.evaluate(() => location.assign("/operations/webhooks"));
  await expect(page.getByRole("heading", { level: 1, name: "Webhooks" })).toBeVisible();
  await page.goBack();
  await dashboard.hydrated();
  await expect(page.locator(".row")).toHaveCount(100);
  await expect.poll(async () => Math.abs((await top()) - before)).toBeLessThan(20);
});

test("a page that was not scrolled asks for nothing when the user comes back", async ({ dashboard, api, page, user }) => {
  await api.createMany(60, "note");
  await dashboard.open({ user_id: user });
  await page.goto("/operations/webhooks");
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goBack();
  await dashboard.hydrated();
  await expect(dashboard.row("note 60")).toBeInViewport();
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  expect(asked.filter((path) => path.includes("/api/ui/"))).toEqual([]);
});

test("sending while the list is scrolled down is confirmed", async ({ dashboard, api, page, user }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await api.createMany(50, "note");
  await dashboard.open({ user_id: user });
  await dashboard.send(user, "seen at once");
  await expect(dashboard.row("seen at once")).toBeInViewport();
  await expect(page.getByText(`Sent to ${user}.`)).not.toBeInViewport();
  await dashboard.row("note 5").scrollIntoViewIfNeeded();
  await dashboard.send(user, "out of sight");
  await expect(dashboard.toasts.getByText(`Sent to ${user}.`)).toBeInViewport();
});

test("an inbox that takes long to load is named in the title, and is not called live", async ({ dashboard, api, page, user }) => {
  await api.create("note");
  await dashboard.open({ user_id: user });
  await expect(page).toHaveTitle(`(1) ${user} · Campanile`);
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/api/ui/**", async (route) => {
    await held;
    await route.continue();
  });
  await dashboard.filters.getByRole("link", { name: "All inboxes" }).click();
  await expect(page).toHaveTitle("Campanile");
  await expect(page.getByText("Live", { exact: true })).toBeHidden();
  release();
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  await expect(page).toHaveTitle(/^\(\d+\+?\) Campanile$/);
});
