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

test("several are undone one by one", async ({ dashboard, api, user }) => {
  await api.createMany(3, "note");
  await dashboard.open({ user_id: user });
  await dashboard.delete("note 1");
  await dashboard.delete("note 3");
  await expect(dashboard.rows).toHaveCount(1);
  await dashboard.toasts.getByRole("button", { name: "Undo" }).first().click();
  await expect(dashboard.row("note 1")).toBeVisible();
  await expect(dashboard.row("note 3")).toHaveCount(0);
  await dashboard.toasts.getByRole("button", { name: "Undo" }).click();
  await expect(dashboard.rows).toHaveCount(3);
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
