import { type Dashboard, DASHBOARD, expect, settled, test } from "../fixture.ts";

/** How far below the top of the window this row begins. */
const topOf = async ({ page }: Dashboard, text: string) => (await page.locator(".row", { hasText: text }).boundingBox())?.y ?? Number.NaN;

async function reload(dashboard: Dashboard): Promise<void> {
  await dashboard.page.reload();
  await dashboard.hydrated();
}

/** Goes to another page of the server, and back. */
async function awayAndBack(dashboard: Dashboard): Promise<void> {
  await dashboard.page.evaluate(() => location.assign("/operations/webhooks"));
  await expect(dashboard.page.getByRole("heading", { level: 1, name: "Webhooks" })).toBeVisible();
  await dashboard.page.goBack();
  await dashboard.hydrated();
}

for (const width of [390, 1440])
  test(`a reload shows the same row, and what came waits above it, at ${width} px`, async ({ dashboard, api, page, user }) => {
    await page.setViewportSize({ width, height: 844 });
    await api.createMany(60, "note");
    await dashboard.open({ user_id: user });
    await page.getByRole("link", { name: "Show older" }).click();
    await expect(dashboard.rows).toHaveCount(60);
    await dashboard.row("note 25").scrollIntoViewIfNeeded();
    const before = await settled(() => topOf(dashboard, "note 25"));
    await api.createMany(12, "new");
    const pill = page.getByRole("button", { name: "12 new" });
    await expect(pill).toBeVisible();
    for (const _ of [1, 2]) {
      await reload(dashboard);
      await expect(pill).toBeVisible();
      await expect.poll(async () => Math.abs((await topOf(dashboard, "note 25")) - before)).toBeLessThan(3);
      await expect(dashboard.row("new 12")).toHaveCount(0);
    }
    await pill.click();
    await expect(dashboard.row("new 12")).toBeInViewport();
    // From the top, a reload shows what came.
    await api.create("the newest");
    await reload(dashboard);
    await expect(dashboard.row("the newest")).toBeInViewport();
    await expect(page.getByRole("button", { name: /^\d+ new$/ })).toHaveCount(0);
  });

for (const width of [390, 1440])
  test(`what is typed and not sent is there after a reload, at ${width} px`, async ({ dashboard, page, user }) => {
    await page.setViewportSize({ width, height: 844 });
    await dashboard.open({ user_id: user });
    const { composer } = dashboard;
    const text = composer.getByLabel("Text", { exact: true });
    if (width < 1281) await page.getByRole("link", { name: "New" }).click();
    await composer.getByLabel("To", { exact: true }).fill(`${user}-2`);
    await composer.getByText("Other…", { exact: true }).click();
    await composer.getByLabel("Other category").fill("billing");
    await text.fill("half a\nsentence");
    await composer.getByText("More", { exact: true }).click();
    await composer.getByLabel("Expires", { exact: true }).fill("2099-12-31T22:30");
    await reload(dashboard);
    await expect(text).toHaveValue("half a\nsentence");
    await expect(composer.getByText("15 / 16,384")).toBeVisible();
    await expect(composer.getByLabel("To", { exact: true })).toHaveValue(`${user}-2`);
    await expect(composer.getByRole("radio", { name: "Other…" })).toBeChecked();
    await expect(composer.getByLabel("Other category")).toHaveValue("billing");
    await expect(composer.getByLabel("Expires", { exact: true }), "what is seldom used shows itself").toBeVisible();
    await expect(composer.getByLabel("Expires", { exact: true })).toHaveValue("2099-12-31T22:30");
    await composer.getByRole("button", { name: "Send", exact: true }).click();
    await expect(dashboard.toasts.locator("p")).toHaveText(`Sent to ${user}-2.`);
    await reload(dashboard);
    await expect(text, "what was sent is not").toHaveValue("");
  });

for (const [how, again] of [
  ["another page", awayAndBack],
  ["another language", async ({ page }: Dashboard) => {
    // At the foot of the page, it would scroll there.
    await page.locator("#language").evaluate((it: HTMLSelectElement) => {
      it.value = "de";
      it.dispatchEvent(new Event("change"));
    });
    await expect(page.locator("html[lang=de][data-hydrated]")).toBeVisible();
  }],
] as const)
  for (const width of [390, 1440])
    test(`place and draft are there after ${how}, at ${width} px`, async ({ dashboard, api, page, user }) => {
      await page.setViewportSize({ width, height: 844 });
      await api.createMany(50, "note");
      await dashboard.open({ user_id: user });
      const typed = { "#to": `${user}-2`, "#heading": "A title", "#text": "half a sentence", "#leads": "https://example.com/", "#own-key": "order 7" };
      const read = () => Promise.all(Object.keys(typed).map((id) => page.locator(id).inputValue()));
      if (width < 1281) await page.getByRole("link", { name: "New" }).click();
      await page.locator("#compose-more summary").click();
      for (const [id, text] of Object.entries(typed)) await page.locator(id).fill(text);
      if (width < 1281) await page.keyboard.press("Escape");
      await dashboard.row("note 25").scrollIntoViewIfNeeded();
      const before = await settled(() => topOf(dashboard, "note 25"));
      await api.createMany(3, "new");
      await expect(page.locator(".pill")).toContainText("3");
      await again(dashboard);
      expect(await read()).toEqual(Object.values(typed));
      await expect(page.locator(".pill")).toContainText("3");
      await expect.poll(async () => Math.abs((await topOf(dashboard, "note 25")) - before)).toBeLessThan(3);
      // The next visit is another one.
      await dashboard.open({ user_id: user });
      expect(await read()).toEqual([user, "", "", "", ""]);
    });

for (const width of [390, 1440])
  test(`coming back from another site shows the same row, at ${width} px`, async ({ dashboard, api, page, user }) => {
    await page.setViewportSize({ width, height: 844 });
    await api.createMany(50, "note");
    await dashboard.open({ user_id: user });
    await dashboard.row("note 25").scrollIntoViewIfNeeded();
    const before = await settled(() => topOf(dashboard, "note 25"));
    await page.goto("data:text/html,elsewhere");
    await api.createMany(3, "new");
    await page.goBack();
    await dashboard.hydrated();
    await expect(page.getByRole("button", { name: "3 new" })).toBeVisible();
    await expect.poll(async () => Math.abs((await topOf(dashboard, "note 25")) - before)).toBeLessThan(3);
  });

for (const [from, to] of [[{ width: 1180, height: 820 }, { width: 820, height: 1180 }], [{ width: 820, height: 1180 }, { width: 1180, height: 820 }]] as const)
  test(`turning a tablet to ${to.width} px shows the same row`, async ({ dashboard, api, page, user }) => {
    await page.setViewportSize(from);
    await api.createMany(50, "note");
    await dashboard.open({ user_id: user });
    await dashboard.row("note 25").scrollIntoViewIfNeeded();
    await settled(() => topOf(dashboard, "note 25"));
    await api.createMany(3, "new");
    const pill = page.getByRole("button", { name: "3 new" });
    await expect(pill).toBeVisible();
    const first = () =>
      page.locator(".row").evaluateAll((rows) => {
        const top = Math.max(0, document.querySelector("#list")!.getBoundingClientRect().top);
        return rows.find((row) => row.getBoundingClientRect().bottom > top)?.querySelector(".row-text")?.textContent;
      });
    const before = await first();
    await page.setViewportSize(to);
    await expect.poll(first).toBe(before);
    await expect(pill).toBeVisible();
  });

test("coming back to one inbox from another, the recipient is the inbox's own", async ({ dashboard, page, user }) => {
  const to = dashboard.composer.getByLabel("To", { exact: true });
  await dashboard.open({ user_id: user });
  await expect(to).toHaveValue(user);
  await dashboard.open();
  await to.fill("another");
  await page.goBack();
  await dashboard.hydrated();
  await expect(to).toHaveValue(user);
});

test("what is typed is not there for a user who opens the page anew", async ({ dashboard, page, user }) => {
  await dashboard.open({ user_id: user });
  const text = dashboard.composer.getByLabel("Text", { exact: true });
  await text.fill("of the one before");
  await dashboard.open({ user_id: user });
  await expect(text).toHaveValue("");
  await reload(dashboard);
  await expect(text).toHaveValue("");
  expect(await page.evaluate(() => Object.values(sessionStorage).join())).not.toContain("of the one before");
});

for (const [how, again] of [
  ["a reload", reload],
  ["another page", awayAndBack],
] as const)
  test(`after ${how} with the sheet open, one Back closes it and the next leaves the page`, async ({ dashboard, page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto("/operations/channels");
    await dashboard.open();
    await page.getByRole("link", { name: "New" }).click();
    const sheet = page.getByRole("dialog", { name: "Send a notification" });
    for (const _ of [1, 2]) {
      await expect(sheet).toBeVisible();
      await again(dashboard);
    }
    await expect(sheet).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(sheet).toBeHidden();
    expect(new URL(page.url()).pathname).toBe(DASHBOARD);
    await page.goBack();
    await expect(page).toHaveURL(/channels/);
  });

test("where the sheet becomes a column, Back leaves the page", async ({ dashboard, page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto("/operations/channels");
  await dashboard.open();
  await page.getByRole("link", { name: "New" }).click();
  await expect(page.getByRole("dialog", { name: "Send a notification" })).toBeVisible();
  await page.setViewportSize({ width: 1440, height: 844 });
  await expect.poll(() => new URL(page.url()).hash).toBe("");
  await expect(dashboard.composer.getByLabel("To", { exact: true })).toBeVisible();
  await page.goBack();
  await expect(page).toHaveURL(/channels/);
});
