import type { Locator, Page } from "@playwright/test";
import { expect, test } from "../fixture.ts";

test.beforeEach(async ({ page }) => {
  await page.clock.install();
});

test("a notification is gone at once, and really when it can no longer be undone", async ({ dashboard, api, page, user }) => {
  await api.createMany(2, "note");
  await dashboard.open({ user_id: user });
  await dashboard.delete("note 1");
  await expect(dashboard.row("note 1")).toHaveCount(0);
  await expect(dashboard.badge).toHaveText("1 unread");
  await expect(dashboard.toasts).toContainText("Deleted.");
  expect(await api.list()).toHaveLength(2);
  await page.clock.runFor(6_000);
  await expect(dashboard.toasts).toHaveCount(0);
  await expect.poll(() => api.list()).toHaveLength(1);
  await expect(dashboard.row("note 2")).toBeVisible();
});

test("undo brings it back to its place, and the server never hears of it", async ({ dashboard, api, page, user }) => {
  await api.createMany(3, "note");
  await dashboard.open({ user_id: user });
  await dashboard.delete("note 2");
  await expect(dashboard.rows).toHaveCount(2);
  await dashboard.toasts.getByRole("button", { name: "Undo" }).click();
  await expect(dashboard.rows).toHaveCount(3);
  await expect(dashboard.rows.nth(1)).toContainText("note 2");
  await expect(dashboard.row("note 2")).toBeFocused();
  await expect(dashboard.badge).toHaveText("3 unread");
  await page.clock.runFor(10_000);
  expect(await api.list()).toHaveLength(3);
});

test("a refresh does not bring back what waits to be deleted", async ({ dashboard, api, page, user }) => {
  await api.createMany(2, "note");
  await dashboard.open({ user_id: user });
  await dashboard.delete("note 1");
  await api.create("new one");
  await page.clock.runFor(5_000);
  await expect(dashboard.row("new one")).toBeVisible();
  await expect(dashboard.row("note 1")).toHaveCount(0);
  await expect(dashboard.badge).toHaveText("2 unread");
});

test("several are one message, and come back together", async ({ dashboard, api, page, user }) => {
  await api.createMany(8, "note");
  await dashboard.open({ user_id: user });
  await page.keyboard.press("j");
  for (let n = 0; n < 6; n += 1) {
    await page.keyboard.press("#");
    await page.clock.runFor(50);
  }
  await expect(dashboard.rows).toHaveCount(2);
  await expect(dashboard.toasts.locator("p")).toHaveText(["6 deleted."]);
  await expect(dashboard.row("note 2")).toBeFocused();
  await page.clock.runFor(2_000);
  await page.keyboard.press("z");
  await expect(dashboard.rows).toHaveCount(8);
  await expect(dashboard.rows.first()).toBeFocused();
  await expect(dashboard.toasts).toHaveCount(0);
  await page.clock.runFor(10_000);
  expect(await api.list()).toHaveLength(8);
});

test("several are really deleted six seconds after the last", async ({ dashboard, api, page, user }) => {
  await api.createMany(3, "note");
  await dashboard.open({ user_id: user });
  await dashboard.delete("note 1");
  await page.clock.runFor(4_000);
  await dashboard.delete("note 3");
  await page.clock.runFor(4_000);
  await expect(dashboard.toasts).toContainText("2 deleted.");
  expect(await api.list()).toHaveLength(3);
  await page.clock.runFor(2_000);
  await expect(dashboard.toasts).toHaveCount(0);
  await expect.poll(async () => (await api.list()).map(({ content }) => content)).toEqual(["note 2"]);
});

for (const [how, go, leave] of [
  ["pointed at", (undo: Locator) => undo.hover(), (page: Page) => page.mouse.move(1, 1)],
  ["focused", (undo: Locator) => undo.focus(), (page: Page) => page.keyboard.press("Shift+Tab")],
] as const) {
  test(`the undo stays while it is ${how}`, async ({ dashboard, api, page, user }) => {
    await api.createMany(2, "note");
    await dashboard.open({ user_id: user });
    await dashboard.delete("note 1");
    await go(dashboard.toasts.getByRole("button", { name: "Undo" }));
    await page.clock.runFor(20_000);
    await expect(dashboard.toasts).toContainText("Deleted.");
    expect(await api.list()).toHaveLength(2);
    await leave(page);
    await page.clock.runFor(10);
    await page.clock.runFor(5_000);
    await expect(dashboard.toasts).toContainText("Deleted.");
    await page.clock.runFor(1_500);
    await expect(dashboard.toasts).toHaveCount(0);
    await expect.poll(() => api.list()).toHaveLength(1);
  });
}

test("the focus goes back to the list from a message that goes", async ({ dashboard, api, page, user }) => {
  await api.createMany(3, "note");
  await dashboard.open({ user_id: user });
  await dashboard.delete("note 2");
  await dashboard.toasts.getByRole("button", { name: "Dismiss" }).focus();
  await page.keyboard.press("Enter");
  await page.clock.runFor(10);
  await expect(dashboard.row("note 1")).toBeFocused();
  await expect.poll(() => api.list()).toHaveLength(2);
  await dashboard.delete("note 3");
  await dashboard.toasts.getByRole("button", { name: "Undo" }).focus();
  await page.keyboard.press("Enter");
  await page.clock.runFor(10);
  await expect(dashboard.row("note 3")).toBeFocused();
});

test("what was deleted is deleted when the page is left", async ({ dashboard, api, page, user }) => {
  await api.createMany(2, "note");
  await dashboard.open({ user_id: user });
  await dashboard.delete("note 1");
  await page.goto("/healthz");
  await expect.poll(() => api.list()).toHaveLength(1);
});

test("the focus goes to the neighbour", async ({ dashboard, api, page, user }) => {
  await api.createMany(3, "note");
  await dashboard.open({ user_id: user });
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await expect(dashboard.row("note 2")).toBeFocused();
  await page.keyboard.press("#");
  await page.clock.runFor(10);
  await expect(dashboard.row("note 1")).toBeFocused();
});
