import { expect, test } from "../firefox.ts";

test("the dashboard works in Firefox, and its console stays empty", async ({ api, tab, user }) => {
  // A busy machine starts it slowly.
  test.slow();
  await api.createMany(4, "note");
  await tab.open({ user_id: user });
  await tab.live();

  await api.create("arrives");
  await expect.poll(() => tab.titles()).toEqual(["arrives", "note 4", "note 3", "note 2", "note 1"]);
  await tab.press("j", "e");
  await expect.poll(async () => (await api.list()).filter(({ is_read }) => is_read).map(({ content }) => content)).toEqual(["arrives"]);

  await tab.press("j", "#");
  await expect.poll(() => tab.titles()).toEqual(["arrives", "note 3", "note 2", "note 1"]);
  await tab.press("z");
  await expect.poll(() => tab.titles()).toEqual(["arrives", "note 4", "note 3", "note 2", "note 1"]);

  const rows = await tab.page.$$("li.row");
  await (await rows[1]!.$(".row-check"))!.click();
  await tab.page.keyboard.down("Shift");
  await rows[3]!.click({ offset: { x: 300, y: 12 } });
  await tab.page.keyboard.up("Shift");
  await expect.poll(() => tab.count("li.row.selected")).toBe(3);
  expect(await tab.page.evaluate(() => String(getSelection()))).toBe("");
  await tab.press("Escape");
  await expect.poll(() => tab.count("li.row.selected")).toBe(0);

  await tab.press("n");
  await tab.page.keyboard.type("sent here");
  await tab.chord("Control", "Enter");
  await expect.poll(async () => (await api.list()).length).toBe(6);

  await tab.page.click(".segments a:last-child");
  await expect.poll(() => tab.titles()).toEqual(["sent here", "note 4", "note 3", "note 2", "note 1"]);
  await tab.page.goBack();
  await expect.poll(() => tab.count("li.row")).toBe(6);

  await api.create("تم شحن طلبك");
  await expect.poll(async () => (await tab.titles())[0]).toBe("تم شحن طلبك");
  const atItsEnd = await tab.page.$eval("li.row .row-text", (text) => {
    const letters = document.createRange();
    letters.selectNodeContents(text);
    return text.getBoundingClientRect().right - letters.getBoundingClientRect().right;
  });
  expect(atItsEnd, "text from right to left begins at the right").toBeLessThan(2);
});
