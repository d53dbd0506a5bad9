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
    // Tab goes from left to right.
    await dashboard.filters.locator('[data-kind="update"]').focus();
    await page.keyboard.press("Tab");
    await expect(dashboard.filters.getByRole("link", { name: "All categories" })).toBeFocused();
    // Also one that is chosen where the row was scrolled to.
    await dashboard.filters.locator(".kinds").evaluate((row) => row.scrollTo(row.scrollWidth, 0));
    await dashboard.filters.locator(".kinds .choice").last().click();
    await expect(dashboard.filters.locator(".kinds [aria-current]")).not.toHaveAttribute("data-kind", "update");
    await expect(dashboard.filters.locator(".kinds [aria-current]")).toBeInViewport({ ratio: 0.95 });
  });

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test("a chip has as much room after its name as before it, and a gap before a count", async ({ dashboard, api, user }) => {
    await api.create({ content: "unread", category: "alert" });
    await dashboard.open({ user_id: user });
    const room = (name: string) =>
      dashboard.filters.locator(".kinds .choice", { hasText: name }).evaluate((chip) => {
        const [outer, first, last] = [chip, chip.querySelector(".icon, .choice-name")!, chip.querySelector(".choice-name")!].map((one) => one.getBoundingClientRect());
        return { before: Math.round(first!.left - outer!.left), after: Math.round(outer!.right - last!.right) };
      });
    for (const name of ["All categories", "update"]) {
      const { before, after } = await room(name);
      expect(after, name).toBe(before);
    }
    // The digit and the gap before it.
    await expect(dashboard.filters.locator('[data-kind="alert"] .count')).toHaveText("1 unread");
    const { before, after } = await room("alert");
    expect(after).toBeGreaterThan(before + 8);
    expect(after).toBeLessThan(before + 8 + 12);
  });

  test("on the page of one notification, what can be touched is at least 44 px high", async ({ api, page }) => {
    const { id } = await api.create({ content: "Disk almost full", link: "/orders/7", data: { disk: "db-3" } });
    await page.goto(`/notifications/${id}`);
    const controls = page.locator("main :is(a, button, summary)");
    expect(await controls.count()).toBeGreaterThan(4);
    const small = await controls.evaluateAll((all) =>
      all
        .map((one) => ({ height: one.getBoundingClientRect().height, html: one.outerHTML.slice(0, 90) }))
        .filter(({ height }) => height > 0 && height < 43.5),
    );
    expect(small).toEqual([]);
    // Though that needs more room around it.
    const tops = await page.locator(".facts dd").evaluateAll((all) => all.slice(0, 2).map((one) => {
      const text = document.createRange();
      text.selectNodeContents(one.querySelector("bdi") ?? one);
      return Math.round(text.getBoundingClientRect().top);
    }));
    expect(Math.abs(tops[0]! - tops[1]!), "the values of a line are on one line").toBeLessThan(3);
  });

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

test.describe("in German", () => {
  test.use({ locale: "de" });

  for (const width of [720, 1024, 1100, 1281, 1300])
    test(`the head of the list is one line at ${width} px where a category is chosen`, async ({ dashboard, api, page, user }) => {
      await page.setViewportSize({ width, height: 844 });
      await api.createMany(12, "note");
      await dashboard.open({ user_id: user, category: "message" });
      const [head, button] = [await page.locator(".inbox-head").boundingBox(), await page.locator(".inbox-tools form button").boundingBox()];
      expect(head!.height).toBeLessThan(70);
      expect(button!.x + button!.width).toBeLessThanOrEqual(head!.x + head!.width);
      expect((await dashboard.heading.boundingBox())!.width).toBeGreaterThan(60);
    });

  for (const width of [320, 1030, 1281])
    test(`the head of the list is one line at ${width} px, and names the inbox`, async ({ dashboard, api, page, user }) => {
      await page.setViewportSize({ width, height: 844 });
      await api.createMany(12, "note");
      await dashboard.open({ user_id: user });
      const tops = await page
        .locator(".inbox-head :is(h1, .search, .segments, .inbox-tools form)")
        .evaluateAll((all) => all.map((one) => one.getBoundingClientRect()).map(({ top, height }) => top + height / 2));
      expect(Math.max(...tops) - Math.min(...tops)).toBeLessThan(8);
      expect((await dashboard.heading.boundingBox())!.width).toBeGreaterThan(80);
      await page.locator(".row").first().focus();
      await page.keyboard.press("x");
      const [text, room] = await page.locator(".selection p").evaluate((p) => {
        const range = document.createRange();
        range.selectNodeContents(p);
        return [range.getBoundingClientRect(), p.getBoundingClientRect()].map(({ width, height }) => ({ width, height }));
      });
      expect(text!.width).toBeLessThanOrEqual(room!.width + 0.5);
      expect(text!.height, "one line").toBeLessThan(32);
    });
});

test("a message is not over the form while that is a sheet", async ({ dashboard, api, page, user }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await api.createMany(3, "note");
  await dashboard.open({ user_id: user });
  await page.locator(".row").first().focus();
  await page.keyboard.press("#");
  await page.locator("#compose-open").click();
  await expect(page.getByRole("dialog", { name: "Send a notification" })).toBeInViewport();
  // The sheet comes up in a moment.
  await expect
    .poll(async () => {
      const [toast, sheet] = [await page.locator(".toast:not([hidden])").boundingBox(), await page.locator(".sheet").boundingBox()];
      return toast!.y + toast!.height <= sheet!.y;
    })
    .toBe(true);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(dashboard.rows).toHaveCount(3);
});
