import type { Locator, Page } from "@playwright/test";
import { expect, test } from "../fixture.ts";
import { expectMarks, lookOf, systemColors } from "../forced.ts";

/** The lightness of the page's background, from 0 to 255. */
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
  await page.getByRole("button", { name: /^Theme: System/ }).click();
  await page.getByRole("button", { name: /^Theme: Light/ }).click();
  await expect(page.getByRole("button", { name: /^Theme: Dark/ })).toBeVisible();
  expect(await lightness(page)).toBeLessThan(60);
  await page.reload();
  // Also before the script that takes over the page has run, so that nothing flashes.
  expect(await lightness(page)).toBeLessThan(60);
  await dashboard.hydrated();
  await page.getByRole("button", { name: /^Theme: Dark/ }).click();
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

/** The boxes of what is written in a row, and of what can be done with it. */
const boxes = (row: Locator) =>
  row.evaluate((element) => {
    const of = (node: Node) => {
      const range = document.createRange();
      range.selectNodeContents(node);
      return [...range.getClientRects()].map(({ left, right, top, bottom }) => ({ left, right, top, bottom }));
    };
    return {
      texts: [...element.querySelectorAll("h3, p, .row-foot")].flatMap(of),
      actions: of(element.querySelector(".row-actions")!),
      shown: [".when", ".row-actions"].map((part) => getComputedStyle(element.querySelector(part)!).opacity),
    };
  });

const LONG = "The quick brown fox jumps over the lazy dog and runs into the wide wood. ".repeat(8);

test("what can be done with a row takes the place of its time, and covers no text", async ({ dashboard, api, page }) => {
  await page.setViewportSize({ width: 1100, height: 900 });
  await api.create({ content: LONG, title: LONG.slice(0, 200) });
  await api.create({ content: "تم شحن طلبك رقم سبعة وسيصل غدًا ".repeat(10) });
  await api.create({ content: LONG });
  await dashboard.open();
  for (let n = 0; n < 3; n += 1) {
    const row = dashboard.rows.nth(n);
    expect((await boxes(row)).shown).toEqual(["1", "0"]);
    await row.hover();
    const { texts, actions, shown } = await boxes(row);
    expect(shown).toEqual(["0", "1"]);
    for (const text of texts)
      for (const action of actions)
        expect(
          text.right <= action.left || action.right <= text.left || text.bottom <= action.top || action.bottom <= text.top,
          JSON.stringify({ text, action }),
        ).toBe(true);
  }
});

test("a row is read title first, in lines of at most 72 characters; one inbox does not repeat whose it is", async ({ dashboard, api, page, user }) => {
  await page.setViewportSize({ width: 2560, height: 1300 });
  await api.create({ content: LONG, title: "A title", category: "alert" });
  await dashboard.open();
  const row = dashboard.rows.first();
  const top = async (locator: Locator) => (await locator.boundingBox())?.y ?? 0;
  expect(await top(row.getByRole("heading"))).toBeLessThan(await top(row.locator(".row-text")));
  expect(await top(row.locator(".row-text"))).toBeLessThan(await top(row.getByText("alert", { exact: true })));
  await row.getByRole("button", { name: "Show more" }).click();
  const lines = await row.locator(".row-text").evaluate((p) => {
    const text = p.firstChild as Text;
    const lengths = new Map<number, number>();
    const range = document.createRange();
    for (let n = 0; n < text.length; n += 1) {
      range.setStart(text, n);
      range.setEnd(text, n + 1);
      const line = Math.round(range.getBoundingClientRect().top);
      lengths.set(line, (lengths.get(line) ?? 0) + 1);
    }
    return [...lengths.values()];
  });
  // The space at the end of a line is no character of it.
  expect(Math.max(...lines)).toBeLessThanOrEqual(73);
  const end = ({ x, width }: { x: number; width: number } = { x: 0, width: 0 }) => x + width;
  const [text, time] = [await row.locator(".row-text").boundingBox(), await row.getByRole("time").boundingBox()];
  expect(end(time ?? undefined) - end(text ?? undefined), "the time is not far from the text").toBeLessThan(320);
  await expect(row.getByRole("link", { name: user })).toBeVisible();
  await dashboard.open({ user_id: user });
  await expect(dashboard.rows.first().getByText("alert", { exact: true })).toBeVisible();
  await expect(dashboard.rows.first().getByRole("link", { name: user })).toBeHidden();
});

test("on a tablet the first row starts within 170 px", async ({ dashboard, api, page }) => {
  await page.setViewportSize({ width: 820, height: 1180 });
  await api.create("note");
  await dashboard.open();
  expect((await dashboard.rows.first().boundingBox())?.y).toBeLessThanOrEqual(170);
});

for (const width of [390, 820])
  test(`at ${width} px the button that opens the form covers no row`, async ({ dashboard, api, page }) => {
    await page.setViewportSize({ width, height: 700 });
    await api.createMany(30, "note");
    await dashboard.open();
    const covered = await page.getByRole("link", { name: "New", exact: true }).evaluate((button) => {
      const { left, top, height } = button.getBoundingClientRect();
      return document.elementFromPoint(left - 8, top + height / 2)?.closest(".row")?.textContent;
    });
    expect(covered).toBeUndefined();
  });

for (const width of [320, 390])
  test(`on a phone of ${width} px the first row starts within 160 px, and search and inbox are icons`, async ({ dashboard, api, page, user }) => {
    await page.setViewportSize({ width, height: 844 });
    for (const category of ["message", "system", "alert", "update", "deploy"]) await api.create({ content: `a ${category}`, category });
    await api.create({ user_id: `${user}-2`, content: "theirs" });
    for (const query of [{}, { user_id: user }]) {
      await dashboard.open(query);
      expect((await dashboard.rows.first().boundingBox())?.y).toBeLessThanOrEqual(160);
      const search = page.getByRole("searchbox", { name: "Search titles and texts" });
      for (const field of [search, dashboard.filters.getByLabel("User ID")]) {
        const wide = async () => (await field.boundingBox())?.width ?? 0;
        expect(await wide()).toBeLessThanOrEqual(44);
        await field.focus();
        expect(await wide()).toBeGreaterThan(180);
        await field.blur();
      }
    }
    await dashboard.filters.getByRole("link", { name: "All inboxes" }).click();
    await expect(dashboard.row("theirs")).toBeVisible();
    await dashboard.filters.getByLabel("User ID").fill(`${user}-2`);
    await dashboard.filters.getByRole("button", { name: "Open" }).click();
    await expect(dashboard.rows).toHaveCount(1);
  });

test.describe("for a finger", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test("what can be done with a row is in a menu", async ({ dashboard, api, page, user }) => {
    await api.create("note");
    await dashboard.open({ user_id: user });
    await expect(page.getByRole("button", { name: /^Mark as read: note/ })).toBeHidden();
    await page.getByRole("button", { name: /^Actions: note/ }).tap();
    await page.getByRole("button", { name: /^Mark as read: note/ }).tap();
    await dashboard.expectRead("note");
    await expect(page.getByRole("button", { name: /^Mark as unread: note/ })).toBeHidden();
    await page.getByRole("button", { name: /^Actions: note/ }).tap();
    await page.getByRole("button", { name: /^Delete: note/ }).tap();
    await expect(dashboard.rows).toHaveCount(0);
  });

  /** Moves a finger over a row, as far as said. */
  async function swipe(page: Page, row: Locator, x: number, y = 0): Promise<void> {
    const session = await page.context().newCDPSession(page);
    const box = (await row.boundingBox())!;
    const from = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    const send = (type: "touchStart" | "touchMove" | "touchEnd", touchPoints: { x: number; y: number }[]) =>
      session.send("Input.dispatchTouchEvent", { type, touchPoints });
    await send("touchStart", [from]);
    for (let step = 1; step <= 8; step += 1) await send("touchMove", [{ x: from.x + (x * step) / 8, y: from.y + (y * step) / 8 }]);
    await send("touchEnd", []);
    await expect(page.locator(".swiped"), "a row that still moves").toHaveCount(0);
  }

  test("a swipe to the right marks, one to the left deletes, and less does nothing", async ({ dashboard, api, page, user }) => {
    await api.create("note");
    await dashboard.open({ user_id: user });
    await swipe(page, dashboard.row("note"), 60);
    await dashboard.expectUnread("note");
    await swipe(page, dashboard.row("note"), -20, 120);
    await swipe(page, dashboard.row("note"), 160);
    await dashboard.expectRead("note");
    await swipe(page, dashboard.row("note"), -160);
    await expect(dashboard.rows).toHaveCount(0);
    // A busy Chromium takes a tap for the end of the swipe.
    await dashboard.toasts.getByRole("button", { name: "Undo" }).click();
    await expect(dashboard.row("note")).toBeVisible();
  });

  test("touch targets are at least 44 px high", async ({ dashboard, api, page }) => {
    await api.create({ content: `See https://example.com. ${"long ".repeat(300)}`, title: "A long one", link: "/orders/7" });
    await dashboard.open();
    const small = await page.locator("a:not(.skip, p a, .operations a), button, summary, #search, #inbox-of").evaluateAll((all) =>
      all
        .map((element) => ({ height: element.getBoundingClientRect().height, html: element.outerHTML.slice(0, 90) }))
        .filter(({ height }) => height > 0 && height < 43.5),
    );
    expect(small).toEqual([]);
  });
});

test("on paper there is nothing to press or to type into", async ({ dashboard, api, page }) => {
  await api.create("note");
  await dashboard.open();
  await page.emulateMedia({ media: "print" });
  await expect(dashboard.row("note")).toBeVisible();
  const controls = await page.locator("button, input, textarea, select").all();
  for (const control of controls) await expect(control).toBeHidden();
  const time = dashboard.row("note").locator("time");
  const printed = await time.evaluate((of) => [getComputedStyle(of).fontSize, getComputedStyle(of, "::after").content]);
  expect(printed, "how long ago it was would be wrong tomorrow").toEqual(["0px", expect.stringContaining("20")]);
});

test("the exact time of a row has room on a phone, beside the user", async ({ dashboard, api, page, user }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await api.create({ user_id: "user_123", content: `for ${user}`, category: "message" });
  await dashboard.open();
  await dashboard.row(`for ${user}`).focus();
  const over = await dashboard.row(`for ${user}`).locator(".row-foot").evaluate((foot) => {
    const user = foot.querySelector(".who")!.getBoundingClientRect().width;
    const measure = foot.cloneNode() as HTMLElement;
    measure.style.cssText = "position: fixed; font-variant-numeric: tabular-nums";
    measure.removeAttribute("data-at");
    measure.textContent = foot.getAttribute("data-at");
    foot.parentElement!.append(measure);
    // With the gaps; the category makes room.
    const needed = user + measure.getBoundingClientRect().width + 14;
    measure.remove();
    return needed - foot.clientWidth;
  });
  expect(over).toBeLessThanOrEqual(0);
});

test("days stay at the top while their rows go by, below a hairline", async ({ dashboard, api, page, user }) => {
  await api.createMany(50, "note");
  await dashboard.open({ user_id: user });
  const line = () => page.locator(".inbox-head").evaluate((head) => getComputedStyle(head).borderBottomColor);
  const before = await line();
  await page.locator("#list").evaluate((list) => list.scrollTo(0, 900));
  await expect.poll(line).not.toBe(before);
  await expect(page.getByRole("heading", { name: "Today" })).toBeInViewport();
});

test("forced colours leave every mark: unread, the choices, the category, and Live", async ({ dashboard, api, page, user }) => {
  await page.emulateMedia({ forcedColors: "active" });
  await api.create({ content: "old", category: "alert" }).then(({ id }) => api.setRead(id));
  await api.create({ content: "new", category: "alert" });
  await dashboard.open({ user_id: user, category: "alert" });
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  await expectMarks(await page.evaluate(systemColors), (selector) => page.locator(selector).first().evaluate(lookOf));
  await expect(page.locator(".row-kind .icon").first()).toBeVisible();
});

test("the bell in the bar rings for arrivals, but not for notifications sent here, and stands still where the user wants no motion", async ({ dashboard, api, page, user }) => {
  await page.addInitScript(() => {
    // How many rows there are whenever it rings.
    const rung: number[] = [];
    Object.assign(window, { rung });
    document.addEventListener("animationstart", (event) => {
      if (event.animationName === "ring") rung.push(document.querySelectorAll("#list .row").length);
    });
  });
  const rung = () => page.evaluate(() => Reflect.get(window, "rung") as number[]);
  await dashboard.open({ user_id: user });
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  await dashboard.send(user, "sent here");
  await expect(dashboard.row("sent here")).not.toHaveClass(/sending/);
  await expect(page.locator("[data-rings]")).toHaveCount(0);
  await api.create("from elsewhere");
  await expect.poll(rung).toEqual([2]);
  await expect(page.locator("[data-rings]")).toHaveCount(0);
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.evaluate(() => document.querySelector("#tower")?.setAttribute("data-rings", ""));
  const moves = await page.evaluate(() => document.querySelector("#tower .bell")?.getAnimations().length);
  expect(moves).toBe(0);
});
