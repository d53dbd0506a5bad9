import { expect, REFUSED, refusal, test, withoutLive } from "../fixture.ts";

// Changes that the page shows before the server answers are undone, with the reason, when the server refuses.
test.beforeEach(async ({ page, troubles }) => {
  troubles.expect(REFUSED);
  await page.clock.install();
});

test("marking as read", async ({ dashboard, api, page, user }) => {
  await api.create("note");
  await page.route("**/api/ui/mark", async (route) => {
    // Before the response, the page shows the requested state.
    await dashboard.expectRead("note");
    await route.fulfill(refusal(403, "forbidden", "This inbox is not yours."));
  });
  await dashboard.open({ user_id: user });
  await dashboard.mark("note");
  await expect(dashboard.toasts).toContainText("Not marked as read. This inbox is not yours.");
  await dashboard.expectUnread("note");
  await expect(dashboard.badge).toHaveText("1 unread");
});

test("marking in the unread view", async ({ dashboard, api, page, user }) => {
  await api.createMany(2, "note");
  await page.route("**/api/ui/mark", (route) => route.fulfill(refusal(503, "unavailable", "The store is away.")));
  await dashboard.open({ user_id: user, unread: "true" });
  await dashboard.mark("note 1");
  await expect(dashboard.toasts.filter({ hasText: "The store is away." })).toBeVisible();
  await expect(dashboard.rows).toHaveCount(2);
});

test("marking all as read", async ({ dashboard, api, page, user }) => {
  await api.createMany(3, "note");
  await page.route("**/api/ui/mark-all", async (route) => {
    await dashboard.expectRead("note 3");
    await route.fulfill(refusal(503, "unavailable", "The store is away."));
  });
  await dashboard.open({ user_id: user });
  await page.getByRole("button", { name: "Mark all read" }).click();
  await expect(dashboard.toasts).toContainText("Not marked as read. The store is away.");
  for (const text of ["note 1", "note 2", "note 3"]) await dashboard.expectUnread(text);
  await expect(dashboard.badge).toHaveText("3 unread");
});

test("deleting", async ({ dashboard, api, page, user }) => {
  await api.createMany(2, "note");
  await page.route("**/api/ui/delete", (route) => route.fulfill(refusal(403, "forbidden", "This inbox is not yours.")));
  await dashboard.open({ user_id: user });
  await dashboard.delete("note 1");
  await page.clock.runFor(6_000);
  await expect(dashboard.toasts).toContainText("Not deleted. This inbox is not yours.");
  await expect(dashboard.row("note 1")).toBeVisible();
  await expect(dashboard.badge).toHaveText("2 unread");
});

test("what another client deleted first is simply gone", async ({ dashboard, api, page, user }) => {
  await withoutLive(page);
  const { id } = await api.create("note");
  await dashboard.open({ user_id: user });
  await page.request.delete(`/api/notifications/${id}`);
  await dashboard.mark("note");
  await expect(dashboard.toasts).toContainText("It is no longer there.");
  await expect(dashboard.row("note")).toHaveCount(0);
});

test("without network", async ({ dashboard, api, page, troubles, user }) => {
  troubles.expect(/net::ERR_FAILED/);
  await api.create("note");
  await dashboard.open({ user_id: user });
  await page.route("**/api/ui/**", (route) => route.abort());
  await dashboard.mark("note");
  await expect(dashboard.toasts).toContainText("Not marked as read.");
  await expect(page.getByText("Can't reach the server.").filter({ visible: true }), "once").toHaveCount(1);
  await dashboard.expectUnread("note");
});
