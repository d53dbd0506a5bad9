import { type Dashboard, expect, settled, test } from "../fixture.ts";

/** How far below the top of the window this row begins; also below a dialog, where no role can be found. */
const topOf = async ({ page }: Dashboard, text: string) =>
  (await page.locator(".row", { hasText: text }).boundingBox())?.y ?? Number.NaN;

/** Scrolls to this row, and tells where it is once the heights of the others are known. */
async function scrolledTo(dashboard: Dashboard, text: string): Promise<number> {
  await dashboard.row(text).scrollIntoViewIfNeeded();
  return settled(() => topOf(dashboard, text));
}

/** Goes to another page of the server, and back after `meanwhile`. */
async function awayAndBack({ page }: Dashboard, meanwhile: () => Promise<unknown>): Promise<void> {
  await page.evaluate(() => location.assign("/operations/webhooks"));
  await expect(page.getByRole("heading", { level: 1, name: "Webhooks" })).toBeVisible();
  await meanwhile();
  await page.goBack();
}

for (const width of [390, 1000]) {
  test(`sending from the sheet leaves the list where it is, at ${width} px`, async ({ dashboard, api, page, user }) => {
    await page.setViewportSize({ width, height: 844 });
    await api.createMany(50, "note");
    await dashboard.open({ user_id: user });
    const before = await scrolledTo(dashboard, "note 20");
    for (const opens of ["click", "key"]) {
      if (opens === "click") await page.locator("#compose-open").click();
      else await page.keyboard.press("n");
      await expect(page.getByRole("dialog", { name: "Send a notification" })).toBeVisible();
      await page.locator("#text").fill(`by ${opens}`);
      await page.getByRole("button", { name: "Send", exact: true }).click();
      await expect(page.getByRole("dialog")).toBeHidden();
      await expect(page.locator(".row", { hasText: `by ${opens}` })).toHaveCount(1);
      await expect.poll(async () => Math.abs((await topOf(dashboard, "note 20")) - before)).toBeLessThan(3);
    }
    expect(await page.evaluate(() => history.scrollRestoration), "a reload is the browser's").toBe("auto");
  });

  test(`closing the sheet after coming back leaves the list where it is, at ${width} px`, async ({ dashboard, api, page, user }) => {
    await page.setViewportSize({ width, height: 844 });
    await api.createMany(90, "note");
    await dashboard.open({ user_id: user });
    await page.getByRole("link", { name: "Show older" }).click();
    await expect(dashboard.rows).toHaveCount(90);
    const before = await scrolledTo(dashboard, "note 25");
    await page.locator("#compose-open").click();
    await expect(page.getByRole("dialog", { name: "Send a notification" })).toBeVisible();
    await awayAndBack(dashboard, async () => {});
    await dashboard.hydrated();
    await expect(page.getByRole("dialog", { name: "Send a notification" })).toBeVisible();
    await expect.poll(async () => Math.abs((await topOf(dashboard, "note 25")) - before)).toBeLessThan(20);
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toBeHidden();
    await expect.poll(async () => Math.abs((await topOf(dashboard, "note 25")) - before)).toBeLessThan(20);
  });
}

for (const width of [390, 1440])
  test(`what came while the user was elsewhere waits above the place, at ${width} px`, async ({ dashboard, api, page, user }) => {
    await page.setViewportSize({ width, height: 844 });
    const long = "A long text that goes on.\n\n".repeat(9);
    await api.createMany(30, "note");
    await api.create({ title: "the long one", content: long });
    await api.createMany(29, "later");
    await dashboard.open({ user_id: user });
    await dashboard.row("the long one").getByRole("button", { name: "Show more" }).click();
    const before = await scrolledTo(dashboard, "note 25");
    await awayAndBack(dashboard, () => api.createMany(12, "new"));
    await dashboard.hydrated();
    const pill = page.getByRole("button", { name: "12 new" });
    await expect(pill).toBeVisible();
    await expect.poll(async () => Math.abs((await topOf(dashboard, "note 25")) - before)).toBeLessThan(3);
    await expect(dashboard.row("the long one").getByRole("button", { name: "Show less" })).toHaveCount(1);
    await expect(dashboard.row("new 12")).toHaveCount(0);
    // The keyboard begins where the user is.
    await page.keyboard.press("j");
    const first = await page.locator(".row:focus").evaluate((row) => row.textContent);
    expect(first).toMatch(/note \d\d/);
    // What waits was not seen, and is not marked.
    await page.keyboard.press("Shift+A");
    await expect(dashboard.badge).toHaveText("12 unread");
    await pill.click();
    await expect(dashboard.row("new 12")).toBeInViewport();
  });

for (const width of [390, 1440])
  test(`more than a page may have come, and each return finds the same place, at ${width} px`, async ({ dashboard, api, page, user }) => {
    await page.setViewportSize({ width, height: 844 });
    await api.createMany(50, "note");
    await dashboard.open({ user_id: user });
    const before = await scrolledTo(dashboard, "note 20");
    for (const [came, all] of [[150, "150 new"], [0, "150 new"], [60, "210 new"]] as const) {
      await awayAndBack(dashboard, () => (came ? api.createMany(came, "new") : Promise.resolve()));
      await dashboard.hydrated();
      await expect(page.getByRole("button", { name: all })).toBeVisible();
      await expect.poll(async () => Math.abs((await topOf(dashboard, "note 20")) - before)).toBeLessThan(3);
      await expect(dashboard.row("note 1")).toHaveCount(1);
    }
  });

test("undoing Mark all under Unread goes back to where the user was", async ({ dashboard, api, page, user }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await api.createMany(50, "note");
  await dashboard.open({ user_id: user, unread: "true" });
  const before = await scrolledTo(dashboard, "note 20");
  await page.getByRole("button", { name: "Mark all read" }).click();
  await expect(dashboard.rows).toHaveCount(0);
  await dashboard.toasts.getByRole("button", { name: "Undo" }).click();
  await expect(dashboard.rows).toHaveCount(50);
  await expect.poll(async () => Math.abs((await topOf(dashboard, "note 20")) - before)).toBeLessThan(3);
  await expect(page.locator(".row:focus")).toBeInViewport();
});

test("the button that marks all says of which category, also where it is only an icon", async ({ dashboard, api, page, user }) => {
  await api.createMany(2, "note", "alert");
  await dashboard.open({ user_id: user, category: "alert" });
  await expect(page.getByRole("button", { name: "Mark all alert read" })).toHaveAttribute("title", "Mark all alert read (Shift A)");
});
