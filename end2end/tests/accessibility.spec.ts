import type { Page } from "@playwright/test";
import { type Api, type Dashboard, expect, REFUSED, refusal, test, withoutLive } from "../fixture.ts";

interface Scene {
  dashboard: Dashboard;
  api: Api;
  page: Page;
  user: string;
}

/** Notifications of every kind. */
async function fill(api: Api): Promise<void> {
  await api.createMany(55, "note");
  for (const category of ["message", "system", "alert", "update", "deploy"]) await api.create({ content: `a ${category}`, category });
  await api.create({ content: `See https://example.com. ${"long ".repeat(300)}`, title: "A long one", link: "/orders/7" });
  await api.create({ user_id: "a", content: "See https://example.com, from a user with a short id" });
  await api.create("read").then(({ id }) => api.setRead(id));
}

const STATES: Record<string, (scene: Scene) => Promise<void>> = {
  "the first use": ({ dashboard }) => dashboard.open(),
  "all inboxes": async ({ dashboard, api }) => {
    await fill(api);
    await dashboard.open();
    await dashboard.rows.nth(2).hover();
  },
  "one inbox, a long text open": async ({ dashboard, api, user }) => {
    await fill(api);
    await dashboard.open({ user_id: user });
    await dashboard.rows.nth(1).getByRole("button", { name: "Show more" }).click();
  },
  "nothing for this filter": ({ dashboard, user }) => dashboard.open({ user_id: user, category: "alert", unread: "true" }),
  "a refused address": ({ dashboard }) => dashboard.open({ user_id: "x".repeat(129) }),
  "a form with mistakes": async ({ dashboard, user }) => {
    await dashboard.open();
    await dashboard.composer.getByText("More", { exact: true }).click();
    await dashboard.composer.getByLabel("Link", { exact: true }).fill("javascript:alert(1)");
    await dashboard.send(user, "   ");
    await expect(dashboard.composer.getByLabel("Link", { exact: true })).toHaveAttribute("aria-invalid", "true");
  },
  "a deletion that can be undone": async ({ dashboard, api, user }) => {
    await fill(api);
    await dashboard.open({ user_id: user });
    await dashboard.delete("note 55");
    await expect(dashboard.toasts).toBeVisible();
  },
  "a refusal": async ({ dashboard, api, page, user }) => {
    await fill(api);
    await page.route("**/api/ui/mark", (route) => route.fulfill(refusal(403, "forbidden", "This inbox is not yours.")));
    await dashboard.open({ user_id: user });
    await dashboard.mark("note 55");
    await expect(dashboard.toasts).toBeVisible();
  },
  "the server does not answer": async ({ dashboard, api, page, user }) => {
    await withoutLive(page);
    await fill(api);
    await page.clock.install();
    await dashboard.open({ user_id: user });
    await page.route("**/api/ui/**", (route) => route.abort());
    await page.clock.runFor(5_000);
    await expect(page.getByRole("button", { name: "Try again" })).toBeVisible();
  },
  "signed out": async ({ dashboard, api, page, user }) => {
    await withoutLive(page);
    await fill(api);
    await page.clock.install();
    await dashboard.open({ user_id: user });
    await page.route("**/api/ui/**", (route) => route.fulfill(refusal(401, "unauthenticated", "Sign in.")));
    await page.clock.runFor(5_000);
    await expect(page.getByRole("link", { name: "Sign in" })).toBeVisible();
  },
  "signed out, with nothing to show": async ({ dashboard, page, user }) => {
    await withoutLive(page);
    await dashboard.open();
    await page.route("**/api/ui/**", (route) => route.fulfill(refusal(401, "unauthenticated", "Sign in.")));
    await dashboard.filters.getByLabel("User ID").fill(user);
    await dashboard.filters.getByRole("button", { name: "Open" }).click();
    await expect(page.getByRole("alert").getByRole("link", { name: "Sign in" })).toBeVisible();
  },
  "asked too often": async ({ dashboard, api, page, user }) => {
    await withoutLive(page);
    await fill(api);
    await page.clock.install();
    await dashboard.open({ user_id: user });
    const more = { retry_after: 600 };
    await page.route("**/api/ui/**", (route) => route.fulfill(refusal(429, "too_many_requests", "Too many requests.", [], more)));
    await page.clock.runFor(5_000);
    await expect(page.getByText("This page asks again in 10 min.")).toBeVisible();
  },
  "the help": async ({ dashboard, page }) => {
    await dashboard.open();
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog")).toBeVisible();
  },
  "a phone": async ({ dashboard, api, page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await fill(api);
    await dashboard.open();
  },
  "a phone with the form open": async ({ dashboard, page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await dashboard.open();
    await page.getByRole("link", { name: "New" }).click();
    await expect(dashboard.composer.getByLabel("To", { exact: true })).toBeFocused();
  },
  "a tablet": async ({ dashboard, api, page }) => {
    await page.setViewportSize({ width: 820, height: 1180 });
    await fill(api);
    await dashboard.open();
  },
};

for (const colorScheme of ["light", "dark"] as const)
  test.describe(`axe finds nothing in ${colorScheme} colours:`, () => {
    test.use({ colorScheme });
    for (const [state, show] of Object.entries(STATES))
      test(state, async ({ dashboard, api, page, user, troubles, expectAccessible }) => {
        troubles.expect(REFUSED);
        troubles.expect(/net::ERR_FAILED/);
        await show({ dashboard, api, page, user });
        await expectAccessible();
      });
  });

test("there is a way past the filters, and the landmarks have names", async ({ dashboard, page }) => {
  await dashboard.open();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the notifications" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dashboard.heading).toBeFocused();
  for (const landmark of [page.getByRole("banner"), page.getByRole("main"), dashboard.filters, dashboard.composer])
    await expect(landmark).toHaveCount(1);
});
