import { type Tab, expect, test } from "../firefox.ts";
import { settled } from "../fixture.ts";

const focusText = (text: string) => {
  const row = [...document.querySelectorAll<HTMLElement>("li.row")].find((one) => one.textContent.includes(text));
  row!.focus();
};

test("undoing several marks under Unread leaves the focus in the list", async ({ api, tab, user }) => {
  await api.createMany(9, "note");
  await tab.open({ user_id: user, unread: "true" });
  for (const text of ["note 8", "note 6", "note 3"]) {
    await tab.page.evaluate(focusText, text);
    await tab.press("e");
  }
  await expect.poll(async () => (await api.list()).filter(({ is_read }) => is_read).length).toBe(3);
  await tab.press("z");
  await expect.poll(() => tab.count("li.row")).toBe(9);
  await expect.poll(() => tab.page.evaluate(() => document.activeElement?.closest(".rows") !== null)).toBe(true);
});

for (const [key, field] of [
  ["/", "#inbox-of"],
  ["s", "#search"],
  ["n", "#text"],
] as const)
  test(`Escape goes back from the field of ${key} to the row`, async ({ api, tab, user }) => {
    await tab.page.setViewport({ width: 1440, height: 900 });
    await api.createMany(5, "note");
    await tab.open({ user_id: user });
    await tab.page.evaluate(focusText, "note 3");
    await tab.press(key);
    await expect.poll(() => tab.page.evaluate((id) => document.activeElement?.matches(id), field)).toBe(true);
    await tab.press("Escape");
    await expect.poll(() => tab.focused()).toContain("note 3");
    await tab.press("j");
    await expect.poll(() => tab.focused()).toContain("note 2");
  });

for (const width of [390, 1440])
  test(`going back from another page shows the same rows, at ${width} px`, async ({ api, tab, user }) => {
    await tab.page.setViewport({ width, height: 844 });
    await api.createMany(160, "note");
    await tab.open({ user_id: user });
    await tab.click("link", "Show older");
    await expect.poll(() => tab.count("li.row")).toBe(100);
    const top = () =>
      tab.page.evaluate(() => [...document.querySelectorAll("li.row")].find((one) => one.textContent.includes("note 75"))!.getBoundingClientRect().top);
    await tab.page.evaluate(() => [...document.querySelectorAll("li.row")].find((one) => one.textContent.includes("note 75"))!.scrollIntoView({ block: "center" }));
    const before = await settled(top);
    await Promise.all([tab.page.waitForNavigation(), tab.page.evaluate(() => location.assign("/operations/webhooks"))]);
    await tab.page.goBack();
    await tab.hydrated();
    await expect.poll(() => tab.count("li.row")).toBe(100);
    await expect.poll(async () => Math.abs((await top()) - before)).toBeLessThan(3);
  });

test("sending while the list is scrolled down is confirmed", async ({ api, tab, user }) => {
  await tab.page.setViewport({ width: 1440, height: 900 });
  await api.createMany(50, "note");
  await tab.open({ user_id: user });
  await tab.page.evaluate(() => [...document.querySelectorAll("li.row")].at(-3)!.scrollIntoView());
  await tab.send(user, "out of sight");
  await expect.poll(() => tab.shown(".toasts p")).toEqual([`Sent to ${user}.`]);
});

const topOf = (tab: Tab, text: string) =>
  tab.page.evaluate((text) => {
    const row = [...document.querySelectorAll("li.row")].find((one) => one.textContent.includes(text));
    return Math.round(row!.getBoundingClientRect().top);
  }, text);

/** Scrolls to this row, and tells where it is once the heights of the others are known. */
async function scrolledTo(tab: Tab, text: string): Promise<number> {
  await tab.page.evaluate((text) => {
    const row = [...document.querySelectorAll("li.row")].find((one) => one.textContent.includes(text));
    row!.scrollIntoView({ block: "center" });
  }, text);
  return settled(() => topOf(tab, text));
}

test("sending from the sheet leaves the list where it is", async ({ api, tab, user }) => {
  await tab.page.setViewport({ width: 390, height: 844 });
  await api.createMany(50, "note");
  await tab.open({ user_id: user });
  const before = await scrolledTo(tab, "note 20");
  await tab.page.locator("#compose-open").click();
  await tab.send(user, "by click");
  await expect.poll(() => tab.page.evaluate(() => location.hash)).toBe("");
  await expect.poll(() => tab.count("li.row")).toBe(51);
  await expect.poll(async () => Math.abs((await topOf(tab, "note 20")) - before)).toBeLessThan(3);
});

test("what came while the user was elsewhere waits above the place", async ({ api, tab, user }) => {
  await tab.page.setViewport({ width: 390, height: 844 });
  await api.createMany(50, "note");
  await tab.open({ user_id: user });
  const before = await scrolledTo(tab, "note 20");
  await Promise.all([tab.page.waitForNavigation(), tab.page.evaluate(() => location.assign("/operations/webhooks"))]);
  await api.createMany(12, "new");
  await tab.page.goBack();
  await tab.hydrated();
  await expect.poll(() => tab.shown(".pill")).toEqual(["12 new"]);
  await expect.poll(async () => Math.abs((await topOf(tab, "note 20")) - before)).toBeLessThan(3);
  await tab.page.locator(".pill").click();
  await expect.poll(async () => (await tab.titles())[0]).toBe("new 12");
});

test("undoing Mark all under Unread goes back to where the user was", async ({ api, tab, user }) => {
  await tab.page.setViewport({ width: 1440, height: 900 });
  await api.createMany(50, "note");
  await tab.open({ user_id: user, unread: "true" });
  const before = await scrolledTo(tab, "note 20");
  await tab.click("button", "Mark all read");
  await expect.poll(() => tab.count("li.row")).toBe(0);
  await tab.press("z");
  await expect.poll(() => tab.count("li.row")).toBe(50);
  await expect.poll(async () => Math.abs((await topOf(tab, "note 20")) - before)).toBeLessThan(3);
});

test("a reload keeps the place, and what came waits above it", async ({ api, tab, user }) => {
  await tab.page.setViewport({ width: 390, height: 844 });
  await api.createMany(50, "note");
  await tab.open({ user_id: user });
  const before = await scrolledTo(tab, "note 20");
  await api.createMany(12, "new");
  await expect.poll(() => tab.shown(".pill")).toEqual(["12 new"]);
  await tab.page.reload();
  await tab.hydrated();
  await expect.poll(() => tab.shown(".pill")).toEqual(["12 new"]);
  await expect.poll(async () => Math.abs((await topOf(tab, "note 20")) - before)).toBeLessThan(3);
});

test("what is typed and not sent is there after a reload", async ({ tab, user }) => {
  await tab.page.setViewport({ width: 1440, height: 900 });
  await tab.open({ user_id: user });
  const typed = { "#to": `${user}-2`, "#heading": "A title", "#text": "half a sentence", "#leads": "https://example.com/" };
  const read = () => tab.page.evaluate((ids) => ids.map((id) => document.querySelector<HTMLInputElement>(id)!.value), Object.keys(typed));
  await tab.page.evaluate(() => document.querySelector<HTMLDetailsElement>("#compose-more")!.setAttribute("open", ""));
  for (const [id, text] of Object.entries(typed)) {
    await tab.page.evaluate((id) => document.querySelector<HTMLInputElement>(id)!.select(), id);
    await tab.page.keyboard.type(text);
  }
  await tab.page.evaluate(() => document.querySelector<HTMLElement>('#compose [name=category][value="alert"]')!.click());
  await tab.page.reload();
  await tab.hydrated();
  expect(await read()).toEqual(Object.values(typed));
  expect(await tab.page.evaluate(() => document.querySelector<HTMLInputElement>("#compose [name=category]:checked")!.value)).toBe("alert");
  await tab.open({ user_id: user });
  expect(await read()).toEqual([user, "", "", ""]);
});
