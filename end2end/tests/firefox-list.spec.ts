import { expect, named, test } from "../firefox.ts";
import type { Api } from "../fixture.ts";
import type { Fate } from "../gateway.ts";

const unread = async (api: Api) => (await api.list()).filter(({ is_read }) => !is_read).map(({ content }) => content);

test("scrolling up by hand releases what waits above the list, in order", async ({ api, tab, user }) => {
  await api.createMany(60, "note");
  await tab.open({ user_id: user });
  await tab.live();
  const top = () => tab.page.$eval("#list", (list) => list.scrollTop);
  await tab.page.hover("#list");
  await tab.page.mouse.wheel({ deltaY: 2_000 });
  await expect.poll(top).toBeGreaterThan(500);
  for (const text of ["first", "second", "third"]) await api.create(text);
  await expect.poll(() => tab.shown(".pill")).toEqual(["3 new"]);
  expect((await tab.titles())[0]).toBe("note 60");
  await tab.page.mouse.wheel({ deltaY: -100_000 });
  await expect.poll(top).toBe(0);
  await expect.poll(() => tab.shown(".pill")).toEqual([]);
  await api.create("fourth");
  await expect.poll(async () => (await tab.titles()).slice(0, 5)).toEqual(["fourth", "third", "second", "first", "note 60"]);
});

test("all that a filter shows are marked, and undo brings them back", async ({ api, tab, user }) => {
  await api.create({ content: "an alert", category: "alert" });
  await api.create({ content: "another alert", category: "alert" });
  await api.create("a message");
  await tab.open({ user_id: user, category: "alert" });
  await tab.click("button", "Mark all alert read");
  await expect.poll(() => tab.shown(".toasts p")).toEqual(["2 of category “alert” marked as read."]);
  await expect.poll(() => unread(api)).toEqual(["a message"]);
  await tab.click("button", "Undo");
  await expect.poll(() => unread(api)).toEqual(["a message", "another alert", "an alert"]);
  await expect.poll(() => tab.count(".row.unread")).toBe(2);
  expect(await tab.shown(".badge")).toEqual(["3 unread"]);
});

test("the recent inboxes stay when one is chosen, with their unread counts, and the selection moves", async ({ api, tab }) => {
  for (const user_id of ["ann", "bob", "bob", "cem"]) await api.create({ user_id, content: `for ${user_id}` });
  await tab.open();
  const all = ["All inboxes", "cem", "bob", "ann"];
  for (const user of ["bob", "ann"]) {
    await tab.page.locator(`.inboxes a[href$="user_id=${user}"]`).click();
    await expect.poll(() => tab.shown(".inboxes [aria-current] .choice-name")).toEqual([user]);
    await expect.poll(async () => new Set(await tab.titles())).toEqual(new Set([`for ${user}`]));
    expect(await tab.shown(".inboxes .choice-name")).toEqual(all);
    expect((await tab.shown(".inboxes .count")).slice(1)).toEqual(["1 unread", "2 unread", "1 unread"]);
  }
  expect(await tab.shown('.kinds .choice[data-kind="message"] .count')).toEqual(["1 unread"]);
});

test("several deletions are one message, which stays while it is pointed at and brings all back", async ({ api, tab, user }) => {
  await api.createMany(8, "note");
  await tab.open({ user_id: user });
  await tab.press("j", "#", "#", "#", "#", "#", "#");
  await expect.poll(() => tab.shown(".toasts p")).toEqual(["6 deleted."]);
  expect(await tab.titles()).toEqual(["note 2", "note 1"]);
  await expect.poll(() => tab.focused()).toContain("note 2");
  await tab.page.locator(named("button", "Undo")).hover();
  // Longer than the message stays by itself.
  await new Promise((resolve) => setTimeout(resolve, 7_000));
  expect(await api.list()).toHaveLength(8);
  await tab.click("button", "Undo");
  await expect.poll(() => tab.count(".row")).toBe(8);
  await expect.poll(() => tab.shown(".toasts p")).toEqual([]);
  await expect.poll(() => tab.focused()).toContain("note 8");
  expect(await api.list()).toHaveLength(8);
});

test("several are really deleted once the message is gone", async ({ api, tab, user }) => {
  await api.createMany(3, "note");
  await tab.open({ user_id: user });
  await tab.press("j", "#", "#");
  await expect.poll(() => tab.shown(".toasts p")).toEqual(["2 deleted."]);
  await expect.poll(async () => (await api.list()).map(({ content }) => content), { timeout: 15_000 }).toEqual(["note 1"]);
  expect(await tab.shown(".toasts p")).toEqual([]);
});

test("one that is marked again and again ends as it was marked last", async ({ api, gateway, tab, user }) => {
  gateway.streams = "forwarded";
  await api.create("note");
  await tab.open({ user_id: user }, gateway.url);
  const MARK = "/api/ui/mark";
  // The first request takes longer than the user needs to mark it again.
  gateway.decide = async (path): Promise<Fate> => {
    if (path === MARK && gateway.count(MARK) === 1) await new Promise((resolve) => setTimeout(resolve, 1_000));
    return "passes";
  };
  await tab.press("j", "e", "e", "e", "e");
  await expect.poll(() => gateway.count(MARK)).toBe(2);
  await expect.poll(() => unread(api)).toEqual(["note"]);
  expect(await tab.count(".row.unread")).toBe(1);
});

const LONG = "The quick brown fox jumps over the lazy dog and runs into the wide wood. ".repeat(8);

test("what can be done with a row takes the place of its time, and covers no text", async ({ api, tab }) => {
  await tab.page.setViewport({ width: 1100, height: 900 });
  await api.create({ content: LONG, title: LONG.slice(0, 200) });
  await api.create("تم شحن طلبك رقم سبعة وسيصل غدًا ".repeat(10));
  await tab.open();
  for (const row of await tab.page.$$("li.row")) {
    const parts = () => row.evaluate((row) => [".when", ".row-actions"].map((part) => getComputedStyle(row.querySelector(part)!).opacity));
    expect(await parts()).toEqual(["1", "0"]);
    await row.hover();
    await expect.poll(parts).toEqual(["0", "1"]);
    const covered = await row.evaluate((row) => {
      const boxes = (node: Node) => {
        const range = document.createRange();
        range.selectNodeContents(node);
        return [...range.getClientRects()];
      };
      const actions = boxes(row.querySelector(".row-actions")!);
      const texts = [...row.querySelectorAll("h3, p, .row-foot")].flatMap(boxes);
      return texts.filter((a) => actions.some((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).length;
    });
    expect(covered).toBe(0);
  }
});

test("characters that turn the reading direction are seen in a name, and end a link", async ({ api, tab }) => {
  await api.create({ user_id: "gnp.\u202Eexe", content: "open https://a.example/\u202Egpj.exe now" });
  await tab.open();
  const seen = "gnp.⟨U+202E⟩exe";
  expect((await tab.shown(".inboxes .choice-name")).at(-1)).toBe(seen);
  const link = await tab.page.$eval(".row-text a", (link) => [link.getAttribute("href"), getComputedStyle(link).unicodeBidi]);
  expect(link).toEqual(["https://a.example/", "isolate"]);
  expect(await tab.shown(".row .who")).toEqual([seen]);
  await tab.click("link", seen);
  await expect.poll(() => tab.page.url()).toMatch(/user_id=gnp\.%E2%80%AEexe$/);
  await expect.poll(() => tab.shown("h1")).toEqual([seen]);
  await expect.poll(() => tab.page.title()).toBe(`(1) ${seen} · Campanile`);
});

for (const query of ["before=abc", "category=Not+legal"])
  test(`a link that is not valid has a way out: ?${query}`, async ({ api, tab }) => {
    await api.create("note");
    await tab.open(Object.fromEntries(new URLSearchParams(query)));
    expect(await tab.shown('main [role="alert"] h2')).toEqual(["This link isn't valid."]);
    expect(await tab.titles()).toEqual([]);
    await tab.click("link", "Show all");
    await expect.poll(() => tab.titles()).toEqual(["note"]);
    expect(new URL(tab.page.url()).search).toBe("");
  });

test("a screen reader hears how much a search found", async ({ api, tab, user }) => {
  await api.createMany(3, "needle");
  await api.create("hay");
  await tab.open({ user_id: user });
  const said = () => tab.page.$$eval('main > [role="status"]', (all) => all.map(({ textContent }) => textContent));
  await tab.press("s");
  await tab.page.keyboard.type("needle");
  await expect.poll(said).toEqual(["3 results"]);
  await tab.page.keyboard.type(" 2");
  await expect.poll(said).toEqual(["1 result"]);
});

test.describe("past a thousand", () => {
  test.use({ serverArgs: ["--window", "2000"] });

  test("Show older keeps the place, and so does Back", async ({ api, tab }) => {
    test.slow();
    for (const text of ["oldest", "older", "old", "new"]) await api.createMany(400, text);
    await tab.open();
    /** The text of the row that is at the top of the list. */
    const place = () =>
      tab.page.evaluate(() => {
        const top = document.getElementById("list")!.getBoundingClientRect().top + 40;
        const first = [...document.querySelectorAll(".row")].find((row) => row.getBoundingClientRect().bottom > top);
        return first?.querySelector(".row-text")?.textContent;
      });
    for (const count of [100, 200, 400, 800, 1000]) {
      await tab.page.locator(".paging a:last-of-type").click();
      await expect.poll(() => tab.count(".row"), { timeout: 20_000 }).toBe(count);
    }
    await tab.page.$eval("#list", (list) => list.scrollTo(0, list.scrollHeight));
    await expect.poll(place).toMatch(/^older/);
    const before = await place();
    await tab.page.locator(".paging a:last-of-type").click();
    await expect.poll(() => tab.page.url()).toContain("before=");
    await expect.poll(() => tab.count(".row"), { timeout: 20_000 }).toBe(400);
    await expect.poll(place).toBe(before);
    await tab.page.goBack();
    await expect.poll(() => tab.count(".row"), { timeout: 20_000 }).toBe(1000);
    await expect.poll(place).toBe(before);
  });
});
