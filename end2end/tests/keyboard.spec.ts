import { expect, test } from "../fixture.ts";

test.beforeEach(async ({ api, dashboard, user }) => {
  await api.createMany(3, "note");
  await dashboard.open({ user_id: user });
});

test("j, k and the arrows move from row to row", async ({ dashboard, page }) => {
  await page.keyboard.press("j");
  await expect(dashboard.row("note 3")).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(dashboard.row("note 2")).toBeFocused();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await expect(dashboard.row("note 1")).toBeFocused();
  await page.keyboard.press("k");
  await expect(dashboard.row("note 2")).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(dashboard.row("note 3")).toBeFocused();
});

test("e marks, # deletes, z undoes, Shift+A marks all", async ({ dashboard, api, page }) => {
  await page.keyboard.press("j");
  await page.keyboard.press("e");
  await dashboard.expectRead("note 3");
  await page.keyboard.press("e");
  await dashboard.expectUnread("note 3");
  await page.keyboard.press("#");
  await expect(dashboard.row("note 3")).toHaveCount(0);
  await page.keyboard.press("z");
  await expect(dashboard.row("note 3")).toBeVisible();
  await page.keyboard.press("Shift+A");
  for (const text of ["note 1", "note 2", "note 3"]) await dashboard.expectRead(text);
  await expect.poll(async () => (await api.list()).filter(({ is_read }) => is_read).length).toBe(3);
});

test("/ goes to the user filter, n to the form, Escape leaves", async ({ dashboard, page }) => {
  await page.keyboard.press("/");
  await expect(dashboard.filters.getByLabel("User ID")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dashboard.filters.getByLabel("User ID")).not.toBeFocused();
  await page.keyboard.press("n");
  await expect(dashboard.composer.getByLabel("Text", { exact: true })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dashboard.composer.getByLabel("Text", { exact: true })).not.toBeFocused();
});

test("? shows the shortcuts", async ({ page }) => {
  const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await page.keyboard.press("?");
  await expect(help).toBeVisible();
  await expect(help).toContainText("Mark all as read");
  await page.keyboard.press("Escape");
  await expect(help).toBeHidden();
});

test("nothing happens while the user types", async ({ dashboard, page }) => {
  await dashboard.composer.getByLabel("Text", { exact: true }).focus();
  await page.keyboard.type("jke#zA/n?");
  await expect(dashboard.composer.getByLabel("Text", { exact: true })).toHaveValue("jke#zA/n?");
  await expect(dashboard.rows).toHaveCount(3);
  await dashboard.expectUnread("note 3");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("single letters can be switched off, for good", async ({ dashboard, page }) => {
  await page.getByRole("button", { name: "Keyboard shortcuts" }).click();
  await page.getByRole("switch", { name: "Single-key shortcuts" }).uncheck();
  await page.keyboard.press("Escape");
  await page.reload();
  await dashboard.hydrated();
  await page.keyboard.press("n");
  await expect(dashboard.composer.getByLabel("Text", { exact: true })).not.toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(dashboard.row("note 3")).toBeFocused();
});

test("everything is reached and done with Tab and Enter alone, and the focus can be seen", async ({ dashboard, page }) => {
  const target = dashboard.row("note 3").getByRole("button", { name: /^Mark as read: / });
  for (let presses = 0; presses < 80 && !(await target.evaluate((button) => button === document.activeElement)); presses += 1) {
    await page.keyboard.press("Tab");
    const outline = await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement!);
      return style.outlineStyle !== "none" || style.boxShadow !== "none" || document.activeElement?.matches("[type=radio]");
    });
    expect(outline, await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 120))).toBe(true);
  }
  await expect(target).toBeFocused();
  await expect(target).toBeVisible();
  await page.keyboard.press("Enter");
  await dashboard.expectRead("note 3");
});
