import type { Page } from "@playwright/test";
import { expect, test } from "../fixture.ts";

/** How light the ground of the page is, from 0 to 255. */
const lightness = (page: Page) =>
  page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d")!;
    for (const element of [document.documentElement, document.body]) {
      canvas.fillStyle = getComputedStyle(element).backgroundColor;
      canvas.fillRect(0, 0, 1, 1);
    }
    const [r = 0, g = 0, b = 0] = canvas.getImageData(0, 0, 1, 1).data;
    return (r + g + b) / 3;
  });

test("the colours follow the system", async ({ dashboard, page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await dashboard.open();
  expect(await lightness(page)).toBeGreaterThan(200);
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await lightness(page)).toBeLessThan(60);
});

test("a theme is chosen, and remembered", async ({ dashboard, page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await dashboard.open();
  await page.getByRole("button", { name: /^Colours: system/ }).click();
  await page.getByRole("button", { name: /^Colours: light/ }).click();
  await expect(page.getByRole("button", { name: /^Colours: dark/ })).toBeVisible();
  expect(await lightness(page)).toBeLessThan(60);
  await page.reload();
  // Before the script that takes the page over has run, too: nothing flashes.
  expect(await lightness(page)).toBeLessThan(60);
  await dashboard.hydrated();
  await page.getByRole("button", { name: /^Colours: dark/ }).click();
  expect(await lightness(page)).toBeGreaterThan(200);
});

for (const width of [320, 390, 820, 1440])
  test(`nothing is cut off or scrolls sideways at ${width} px`, async ({ dashboard, api, page, user }) => {
    await page.setViewportSize({ width, height: 844 });
    await api.create({ user_id: `${user}${"x".repeat(128 - user.length)}`, content: "W".repeat(2_000), title: "T".repeat(200) });
    await api.create({ content: "short", link: `https://example.com/${"long/".repeat(100)}`, category: "a".repeat(32) });
    await dashboard.open();
    await expect(dashboard.rows).toHaveCount(2);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  });

test("without motion where none is wanted", async ({ dashboard, api, page, user }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await dashboard.open({ user_id: user });
  await dashboard.send(user, "arrives");
  await expect(dashboard.row("arrives")).toBeVisible();
  await api.create("unused");
  const moving = await page.evaluate(() =>
    document.getAnimations().filter(({ effect }) => Number(effect?.getComputedTiming().duration) > 20).length,
  );
  expect(moving).toBe(0);
});

test("a phone has what can be done with a row in reach, without hovering", async ({ browser, server, api, user }) => {
  await api.create("note");
  const context = await browser.newContext({ baseURL: server.url, viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const page = await context.newPage();
  await page.goto(`/api/ui-dashboard/notifications-dashboard-ui?user_id=${user}`);
  await expect(page.locator("html")).toHaveAttribute("data-hydrated", "");
  await page.getByRole("button", { name: /^Mark as read: note/ }).tap();
  await expect(page.getByRole("button", { name: /^Mark as unread: note/ })).toBeVisible();
  await context.close();
});

test("forced colours leave every mark: unread, what is chosen, the kind, and Live", async ({ dashboard, api, page, user }) => {
  await page.emulateMedia({ forcedColors: "active" });
  await api.create({ content: "old", category: "alert" }).then(({ id }) => api.setRead(id));
  await api.create({ content: "new", category: "alert" });
  await dashboard.open({ user_id: user, category: "alert" });
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  const system = await page.evaluate(() => {
    const probe = document.body.appendChild(document.createElement("i"));
    const color = (name: string) => ((probe.style.color = name), getComputedStyle(probe).color);
    return { highlight: color("Highlight"), canvas: color("Canvas"), text: color("CanvasText") };
  });
  expect(system.highlight).not.toBe(system.canvas);
  const look = (selector: string, pseudo?: string) =>
    page.locator(selector).first().evaluate((element, pseudo) => {
      const { backgroundColor, outlineColor, outlineStyle, borderTopColor, borderTopWidth, display } = getComputedStyle(element, pseudo);
      return { backgroundColor, outlineColor, outlineStyle, borderTopColor, borderTopWidth, display };
    }, pseudo);
  const marked = { backgroundColor: system.highlight };
  expect(await look(".row.unread", "::before")).toMatchObject(marked);
  expect(await look(".row.unread .unread-dot")).toMatchObject({ ...marked, display: "block" });
  const chosen = { outlineStyle: "solid", outlineColor: system.highlight };
  for (const of of [".inboxes .choice[aria-current]", ".kinds .choice[aria-current]", ".segments [aria-current]", ".chip:has(:checked)"])
    expect(await look(of), of).toMatchObject(chosen);
  expect((await look(".choice:not([aria-current])")).outlineStyle).toBe("none");
  expect(await look(".row .kind")).toMatchObject({ borderTopColor: system.text, borderTopWidth: "2px" });
  expect(await look('[data-state="live"] .freshness-dot')).toMatchObject(marked);
});
