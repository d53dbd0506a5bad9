import { signInWith, test as signedIn } from "../auth.ts";
import { DASHBOARD, expect, REFUSED, test } from "../fixture.ts";

for (const width of [320, 390, 820])
  test(`at the end of the page of ${width} px the other pages and the language are in reach`, async ({ dashboard, api, page, user }) => {
    await page.setViewportSize({ width, height: 844 });
    await api.createMany(20, "note");
    await dashboard.open({ user_id: user });
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
    const covered = await page.evaluate(() =>
      [...document.querySelectorAll(".operations :is(a, select)")].filter((control) => {
        const { left, top, width, height } = control.getBoundingClientRect();
        return !control.contains(document.elementFromPoint(left + width / 2, top + height / 2));
      }).length,
    );
    expect(covered, "controls below the strip of the button that opens the form").toBe(0);
    await page.getByRole("link", { name: "Webhooks" }).click();
    await expect(page).toHaveURL(/\/operations\/webhooks$/);
  });

for (const width of [390, 820])
  test(`the chosen category is in sight at ${width} px`, async ({ dashboard, api, page, user }) => {
    await page.setViewportSize({ width, height: 844 });
    for (const category of ["message", "alert", "reminder", "update", "system"]) await api.create({ content: category, category });
    await dashboard.open({ user_id: user, category: "update" });
    await expect(dashboard.filters.locator('[data-kind="update"]')).toBeInViewport({ ratio: 1 });
  });

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test("text has the size that its name says, and no field is so small that iOS zooms into it", async ({ dashboard, page }) => {
    await dashboard.open();
    const size = (selector: string) => page.$eval(selector, (element) => getComputedStyle(element).fontSize);
    expect([await size("html"), await size("body")]).toEqual(["16px", "15px"]);
    const fields = await page
      .locator("input:not([type=radio], [type=checkbox], [type=hidden]), textarea, select")
      .evaluateAll((all) => all.map((field) => Number.parseFloat(getComputedStyle(field).fontSize)));
    expect(fields.length).toBeGreaterThan(3);
    expect(Math.min(...fields)).toBeGreaterThanOrEqual(16);
  });
});

test("a link that is not valid has one way out, and the page does not claim that it is not up to date", async ({ dashboard, page, troubles }) => {
  troubles.expect(REFUSED);
  await page.goto(`${DASHBOARD}?before=abc`);
  await dashboard.hydrated();
  await expect(page.getByRole("link", { name: "Show all" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Back to the newest" })).toBeHidden();
  await expect(page.getByText("Not updating")).toBeHidden();
});

signedIn("the form that signs in is as wide on a desktop as it is meant to be", async ({ key, page }) => {
  await page.goto(DASHBOARD);
  expect((await page.locator(".login-form").boundingBox())!.width).toBe(23 * 16);
  await signInWith(page, key);
});
