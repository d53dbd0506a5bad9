import { existsSync } from "node:fs";
import puppeteer, { type Page } from "puppeteer-core";
import { DASHBOARD, expect, test } from "../fixture.ts";

// Playwright drives only a Firefox of its own, so this one is driven by WebDriver BiDi.
const firefox = [process.env["FIREFOX"], "/usr/bin/firefox-esr", "/usr/bin/firefox"].find((path) => path && existsSync(path));

const titles = (page: Page) => page.$$eval("li.row", (rows) => rows.map((row) => row.querySelector(".row-text")?.textContent));
const count = (page: Page, selector: string) => page.$$eval(selector, (found) => found.length);

test("the dashboard works in Firefox, and its console stays empty", async ({ api, server, user }) => {
  test.skip(!firefox, "Firefox is not installed: apt install firefox-esr");
  // A busy machine starts it slowly.
  test.slow();
  await api.createMany(4, "note");
  const prefs = { "ui.primaryPointerCapabilities": 6, "ui.allPointerCapabilities": 6 };
  const browser = await puppeteer.launch({ browser: "firefox", executablePath: firefox!, extraPrefsFirefox: prefs });
  try {
    const page = await browser.newPage();
    const troubles: string[] = [];
    page.on("console", (message) => ["error", "warn"].includes(message.type()) && troubles.push(message.text()));
    page.on("pageerror", (error) => troubles.push(String(error)));
    await page.setViewport({ width: 1440, height: 900 });
    await page.goto(`${server.url}${DASHBOARD}?user_id=${user}`);
    await page.waitForSelector("html[data-hydrated]");
    await page.waitForSelector('[data-state="live"]');

    await api.create("arrives");
    await expect.poll(() => titles(page)).toEqual(["arrives", "note 4", "note 3", "note 2", "note 1"]);
    for (const key of ["j", "e"] as const) await page.keyboard.press(key);
    await expect.poll(async () => (await api.list()).filter(({ is_read }) => is_read).map(({ content }) => content)).toEqual(["arrives"]);

    await page.keyboard.press("j");
    await page.keyboard.type("#");
    await expect.poll(() => titles(page)).toEqual(["arrives", "note 3", "note 2", "note 1"]);
    await page.keyboard.press("z");
    await expect.poll(() => titles(page)).toEqual(["arrives", "note 4", "note 3", "note 2", "note 1"]);

    const rows = await page.$$("li.row");
    await (await rows[1]!.$(".row-check"))!.click();
    await page.keyboard.down("Shift");
    await rows[3]!.click({ offset: { x: 300, y: 12 } });
    await page.keyboard.up("Shift");
    await expect.poll(() => count(page, "li.row.selected")).toBe(3);
    expect(await page.evaluate(() => String(getSelection()))).toBe("");
    await page.keyboard.press("Escape");
    await expect.poll(() => count(page, "li.row.selected")).toBe(0);

    await page.keyboard.press("n");
    await page.keyboard.type("sent here");
    await page.keyboard.down("Control");
    await page.keyboard.press("Enter");
    await page.keyboard.up("Control");
    await expect.poll(async () => (await api.list()).length).toBe(6);

    await page.click(".segments a:last-child");
    await expect.poll(() => titles(page)).toEqual(["sent here", "note 4", "note 3", "note 2", "note 1"]);
    await page.goBack();
    await expect.poll(() => count(page, "li.row")).toBe(6);

    await api.create("تم شحن طلبك");
    await expect.poll(async () => (await titles(page))[0]).toBe("تم شحن طلبك");
    const atItsEnd = await page.$eval("li.row .row-text", (text) => {
      const letters = document.createRange();
      letters.selectNodeContents(text);
      return text.getBoundingClientRect().right - letters.getBoundingClientRect().right;
    });
    expect(atItsEnd, "text from right to left begins at the right").toBeLessThan(2);
    expect(troubles).toEqual([]);
  } finally {
    await browser.close();
  }
});
