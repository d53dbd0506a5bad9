import { DASHBOARD, expect, test } from "../fixture.ts";

const BAR = { name: "Selection" };

test.beforeEach(async ({ api, dashboard, user, javaScriptEnabled }) => {
  await api.createMany(6, "note");
  if (javaScriptEnabled) await dashboard.open({ user_id: user });
});

test("keys in the form leave the selection behind it alone", async ({ dashboard, page }) => {
  for (const key of ["j", "x", "n"]) await page.keyboard.press(key);
  await dashboard.composer.getByRole("radio", { name: "alert" }).focus();
  await page.keyboard.press("Delete");
  await expect(page.getByRole("group", BAR)).toContainText("1 selected");
  await expect(dashboard.rows).toHaveCount(6);
});

test("three are selected by keyboard, deleted, and come back with one undo", async ({ dashboard, api, page }) => {
  await page.clock.install();
  const bar = page.getByRole("group", BAR);
  await expect(bar).toBeHidden();
  for (const key of ["j", "x", "j", "x", "j", "j", "x"]) await page.keyboard.press(key);
  await expect(bar).toContainText("3 selected");
  await expect(page.getByRole("status").filter({ hasText: "3 selected" })).toBeAttached();
  await expect(dashboard.row("note 5").getByRole("checkbox")).toBeChecked();
  await expect(dashboard.row("note 4").getByRole("checkbox")).not.toBeChecked();
  await page.keyboard.press("#");
  await expect(dashboard.rows).toHaveText([/note 4/, /note 2/, /note 1/]);
  await expect(dashboard.toasts.locator("p")).toHaveText(["3 deleted."]);
  await expect(bar).toBeHidden();
  await page.clock.runFor(10);
  await expect(dashboard.row("note 2")).toBeFocused();
  await page.keyboard.press("z");
  await expect(dashboard.rows).toHaveCount(6);
  await page.clock.runFor(10_000);
  expect(await api.list()).toHaveLength(6);
});

test("a row that is being sent cannot be selected, and its check says so", async ({ dashboard, page, user }) => {
  let go = () => {};
  const held = new Promise<void>((resolve) => (go = resolve));
  await page.route("**/api/ui/send", async (route) => {
    await held;
    await route.continue();
  });
  await dashboard.send(user, "on its way");
  const check = dashboard.row("on its way").getByRole("checkbox");
  await expect(check).toBeDisabled();
  await check.dispatchEvent("click");
  await expect(check).not.toBeChecked();
  go();
  await expect(check).toBeEnabled();
});

test("the selection is really deleted once it cannot be undone", async ({ dashboard, api, page }) => {
  await page.clock.install();
  for (const key of ["j", "Shift+ArrowDown", "Shift+ArrowDown", "#"]) await page.keyboard.press(key);
  await expect(dashboard.toasts.locator("p")).toHaveText(["3 deleted."]);
  await page.clock.runFor(6_100);
  await expect.poll(async () => (await api.list()).map(({ content }) => content)).toEqual(["note 3", "note 2", "note 1"]);
});

test("a click on the check and one with Shift select a range, which is marked with one undo", async ({ dashboard, api, page }) => {
  const bar = page.getByRole("group", BAR);
  await dashboard.row("note 5").hover();
  await dashboard.row("note 5").getByRole("checkbox", { name: /^Select: note 5/ }).click();
  await dashboard.row("note 2").getByText("note 2").click({ modifiers: ["Shift"] });
  await expect(bar).toContainText("4 selected");
  expect(await page.evaluate(() => getSelection()?.toString())).toBe("");
  await bar.getByRole("button", { name: "Mark read" }).click();
  for (const text of ["note 5", "note 4", "note 3", "note 2"]) await dashboard.expectRead(text);
  await dashboard.expectUnread("note 6");
  await expect(dashboard.badge).toHaveText("2 unread");
  const read = async () => (await api.list()).filter(({ is_read }) => is_read).length;
  await expect.poll(read).toBe(4);
  await expect(bar).toContainText("4 selected");
  await dashboard.toasts.getByRole("button", { name: "Undo" }).click();
  await expect.poll(read).toBe(0);
  await dashboard.expectUnread("note 3");
});

test("a check follows the selection, whatever the browser makes of a click", async ({ dashboard, page }) => {
  const check = (text: string) => dashboard.row(text).getByRole("checkbox");
  await check("note 5").click();
  await check("note 3").click();
  await check("note 3").click({ modifiers: ["Shift"] });
  await expect(check("note 3")).toBeChecked();
  await check("note 4").press("Space");
  await expect(check("note 4")).toBeChecked();
  await expect(page.getByRole("group", BAR)).toContainText("3 selected");
  await page.keyboard.press("Escape");
  for (const text of ["note 3", "note 4", "note 5"]) await expect(check(text)).not.toBeChecked();
});

test("Escape and Clear select nothing, and the focus stays in the list", async ({ dashboard, page }) => {
  const bar = page.getByRole("group", BAR);
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await expect(bar).toContainText("1 selected");
  await page.keyboard.press("Escape");
  await expect(bar).toBeHidden();
  await expect(dashboard.row("note 6")).toBeFocused();
  await page.keyboard.press("x");
  await bar.getByRole("button", { name: "Clear" }).focus();
  await page.keyboard.press("Enter");
  await expect(bar).toBeHidden();
  await expect(dashboard.row("note 6")).toBeFocused();
});

test("e, u and the filter act on the selection", async ({ dashboard, page }) => {
  const bar = page.getByRole("group", BAR);
  for (const key of ["j", "x", "Shift+ArrowDown", "e"]) await page.keyboard.press(key);
  await dashboard.expectRead("note 6");
  await dashboard.expectRead("note 5");
  await page.keyboard.press("u");
  await dashboard.expectUnread("note 6");
  await expect(bar).toContainText("2 selected");
  await page.keyboard.press("Escape");
  await page.keyboard.press("x");
  await page.goto(`${page.url()}&unread=true`);
  await expect(bar).toBeHidden();
});

test("arrivals and what others delete leave the rest selected", async ({ dashboard, api, page }) => {
  const bar = page.getByRole("group", BAR);
  for (const key of ["j", "x", "j", "x"]) await page.keyboard.press(key);
  await api.create("new one");
  await expect(dashboard.row("new one")).toBeVisible();
  await expect(bar).toContainText("2 selected");
  const gone = (await api.list()).find(({ content }) => content === "note 5");
  expect((await page.request.delete(`/api/notifications/${gone?.id}`)).ok()).toBe(true);
  await expect(bar).toContainText("1 selected");
  await expect(dashboard.row("note 6").getByRole("checkbox")).toBeChecked();
});

test("selected rows and the bar are accessible", async ({ page, expectAccessible }) => {
  for (const key of ["j", "x", "j", "x"]) await page.keyboard.press(key);
  await expectAccessible();
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true });

  test("a tap on the icon selects, and the actions are big enough for a finger", async ({ dashboard, page }) => {
    const bar = page.getByRole("group", BAR);
    await dashboard.row("note 6").getByRole("checkbox").tap();
    await dashboard.row("note 4").getByRole("checkbox").tap();
    await expect(bar).toContainText("2 selected");
    for (const target of [...(await bar.getByRole("button").all()), dashboard.row("note 5").getByRole("checkbox")]) {
      const box = await target.boundingBox();
      expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(44);
    }
    await bar.getByRole("button", { name: "Delete" }).tap();
    await expect(dashboard.rows).toHaveCount(4);
    await expect(dashboard.toasts).toContainText("2 deleted.");
  });
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("nothing of it is shown", async ({ dashboard, page, user }) => {
    await page.goto(`${DASHBOARD}?user_id=${user}`);
    await expect(dashboard.rows).toHaveCount(6);
    await expect(page.getByRole("checkbox")).toHaveCount(0);
    await expect(page.getByRole("group", BAR)).toHaveCount(0);
  });
});
