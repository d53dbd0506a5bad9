import type { Page } from "@playwright/test";
import { DASHBOARD, expect, REFUSED, test } from "../fixture.ts";

test("all inboxes are shown, newest first, grouped by day", async ({ dashboard, api, user }) => {
  await api.create("first");
  await api.create({ user_id: `${user}-2`, content: "second" });
  await dashboard.open();
  await expect(dashboard.rows).toHaveCount(2);
  await expect(dashboard.rows.nth(0)).toContainText("second");
  await expect(dashboard.rows.nth(1)).toContainText("first");
  await expect(dashboard.list.getByRole("heading", { name: "Today" })).toBeVisible();
});

test("a row says who, what, which kind and when", async ({ dashboard, api, user }) => {
  const { timestamp } = await api.create({ content: "Disk almost full", category: "alert" });
  await dashboard.open();
  const row = dashboard.row("Disk almost full");
  await expect(row.getByRole("link", { name: user })).toBeVisible();
  await expect(row.getByText("alert", { exact: true })).toBeVisible();
  const time = row.getByRole("time");
  await expect(time).toHaveText("now");
  await expect(time).toHaveAttribute("datetime", timestamp);
  // The exact time, in the browser's time zone.
  await expect(time).toHaveAttribute("title", /^\d+ \w+ \d{4}, \d\d:\d\d:\d\d\.\d{6} \+0[12]:00$/);
});

test("the list is filtered by user, and the address says so", async ({ dashboard, api, page, user }) => {
  await api.create("mine");
  await api.create({ user_id: `${user}-2`, content: "theirs" });
  await dashboard.open();
  const field = dashboard.filters.getByLabel("User ID");
  await field.fill(user);
  await field.press("Enter");
  await expect(dashboard.heading).toHaveText(user);
  await expect(dashboard.rows).toHaveCount(1);
  await expect(dashboard.row("mine")).toBeVisible();
  await expect(page).toHaveURL(new RegExp(`\\?user_id=${user}$`));
});

test("the user id of a row leads to that inbox, and back leads back", async ({ dashboard, api, page, user }) => {
  await api.create("mine");
  await api.create({ user_id: `${user}-2`, content: "theirs" });
  await dashboard.open();
  await dashboard.row("mine").getByRole("link", { name: user }).click();
  await expect(dashboard.rows).toHaveCount(1);
  await expect(dashboard.heading).toHaveText(user);
  await page.goBack();
  await expect(dashboard.heading).toHaveText("All inboxes");
  await expect(dashboard.rows).toHaveCount(2);
  await expect(dashboard.filters.getByLabel("User ID")).toHaveValue("");
  await page.goForward();
  await expect(dashboard.heading).toHaveText(user);
  await expect(dashboard.rows).toHaveCount(1);
});

test("kinds and unread filter, together and by the address", async ({ dashboard, api, page, user }) => {
  await api.create({ content: "read alert", category: "alert" }).then(({ id }) => api.setRead(id));
  await api.create({ content: "unread alert", category: "alert" });
  await api.create({ content: "unread message", category: "message" });
  await dashboard.open({ user_id: user });
  await dashboard.filters.getByRole("link", { name: "alert" }).click();
  await expect(dashboard.rows).toHaveCount(2);
  await expect(dashboard.filters.getByRole("link", { name: "alert" })).toHaveAttribute("aria-current", "true");
  await page.getByRole("main").getByRole("link", { name: "Unread" }).click();
  await expect(dashboard.rows).toHaveCount(1);
  await expect(dashboard.row("unread alert")).toBeVisible();
  await expect(page).toHaveURL(/\?user_id=.*&category=alert&unread=true$/);

  await page.reload();
  await dashboard.hydrated();
  await expect(dashboard.rows).toHaveCount(1);
  await page.goBack();
  await expect(dashboard.rows).toHaveCount(2);
  await page.goBack();
  await expect(dashboard.rows).toHaveCount(3);
});

test("a kind of one's own is offered as a filter", async ({ dashboard, api }) => {
  await api.create({ content: "deployed", category: "deploy" });
  await api.create("hello");
  await dashboard.open();
  await dashboard.filters.getByRole("link", { name: "deploy" }).click();
  await expect(dashboard.rows).toHaveCount(1);
  await expect(dashboard.row("deployed")).toBeVisible();
});

test("nothing for a filter says which, and clears it", async ({ dashboard, api, page, user }) => {
  await api.create({ content: "hello", category: "message" });
  await dashboard.open({ user_id: user, category: "alert", unread: "true" });
  await expect(page.getByRole("main")).toContainText(`unread of category “alert” for ${user}`);
  await page.getByRole("link", { name: "Clear filters" }).click();
  await expect(dashboard.row("hello")).toBeVisible();
});

test("an odd but legal user id has its inbox", async ({ dashboard, api, page }) => {
  const odd = "a/b c?&=#%é🔔";
  await api.create({ user_id: odd, content: "odd" });
  await dashboard.open();
  await dashboard.row("odd").getByRole("link", { name: odd }).click();
  await expect(dashboard.heading).toHaveText(odd);
  await expect(dashboard.rows).toHaveCount(1);
  await page.reload();
  await dashboard.hydrated();
  await expect(dashboard.heading).toHaveText(odd);
  await expect(dashboard.rows).toHaveCount(1);
});

test("a user id that is not legal is refused at its field", async ({ dashboard, api, user }) => {
  await api.create("mine");
  await dashboard.open({ user_id: "x".repeat(129) });
  const field = dashboard.filters.getByLabel("User ID");
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(field).toHaveAccessibleDescription(/128/);
  await field.fill(user);
  await field.press("Enter");
  await expect(dashboard.row("mine")).toBeVisible();
  await expect(field).not.toHaveAttribute("aria-invalid");
});

test("a character that no document can hold is refused like any other", async ({ dashboard }) => {
  await dashboard.open({ user_id: "a\0b" });
  await dashboard.hydrated();
  await expect(dashboard.filters.getByLabel("User ID")).toHaveAttribute("aria-invalid", "true");
});

test("more than a page is shown on demand, each once", async ({ dashboard, api, page, user }) => {
  await api.createMany(120, "note");
  await dashboard.open({ user_id: user });
  await expect(dashboard.rows).toHaveCount(50);
  await page.getByRole("link", { name: "Show older" }).click();
  await expect(dashboard.rows).toHaveCount(100);
  await page.getByRole("link", { name: "Show older" }).click();
  await expect(dashboard.rows).toHaveCount(120);
  await expect(page.getByRole("link", { name: "Show older" })).toHaveCount(0);
  const texts = await dashboard.rows.getByText(/^note \d+$/).allTextContents();
  expect(texts).toEqual(Array.from({ length: 120 }, (_, n) => `note ${120 - n}`));
});

test("a position in the address is a page, with a way back to the newest", async ({ dashboard, api, page, user }) => {
  await api.createMany(60, "note");
  await dashboard.open({ user_id: user });
  const older = await page.getByRole("link", { name: "Show older" }).getAttribute("href");
  await page.goto(older ?? "");
  await dashboard.hydrated();
  await expect(dashboard.rows).toHaveCount(10);
  await expect(dashboard.row("note 10")).toBeVisible();
  await page.getByRole("link", { name: "Back to the newest" }).click();
  await expect(dashboard.row("note 60")).toBeVisible();
});

test("a thousand rows can be shown and one of them marked", async ({ dashboard, api, page, user }) => {
  test.slow();
  await api.createMany(1000, "note");
  await dashboard.open({ user_id: user });
  const older = page.getByRole("link", { name: "Show older" });
  while ((await dashboard.rows.count()) < 1000) {
    const before = await dashboard.rows.count();
    await older.click();
    await expect.poll(() => dashboard.rows.count(), { timeout: 30_000 }).toBeGreaterThan(before);
  }
  await dashboard.mark("note 1");
  await dashboard.expectRead("note 1");
  await expect(dashboard.badge).toHaveText("999 unread");
});

test("the recent inboxes stay when one is chosen, and the selection moves", async ({ dashboard, api, page }) => {
  for (const user_id of ["ann", "bob", "cem"]) await api.create({ user_id, content: `for ${user_id}` });
  await dashboard.open();
  const choices = dashboard.filters.getByRole("list", { name: "Inboxes" }).locator(".choice-name");
  const all = ["All inboxes", "cem", "bob", "ann"];
  await expect(choices).toHaveText(all);
  for (const user of ["bob", "ann"]) {
    await choices.filter({ hasText: user }).click();
    await expect(dashboard.rows).toHaveCount(1);
    await expect(dashboard.row(`for ${user}`)).toBeVisible();
    await expect(choices).toHaveText(all);
    await expect(dashboard.filters.locator(".inboxes [aria-current] .choice-name")).toHaveText(user);
  }
  await page.reload();
  await dashboard.hydrated();
  await expect(choices).toHaveText(all);
  // One that is not among them comes after them.
  await dashboard.filters.getByLabel("User ID").fill("dan");
  await dashboard.filters.getByRole("button", { name: "Open" }).click();
  await expect(choices).toHaveText([...all, "dan"]);
  await dashboard.filters.getByRole("link", { name: "All inboxes" }).click();
  await expect(choices).toHaveText(all);
});

test("each recent inbox and each category has its unread count, which changes as it happens", async ({ dashboard, api, page }) => {
  for (const user_id of ["ann", "bob"]) await api.create({ user_id, content: `for ${user_id}` });
  const { id } = await api.create({ user_id: "ann", content: "Disk almost full", category: "alert" });
  await dashboard.open();
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  const count = (name: string) => dashboard.filters.locator(".choice", { hasText: name }).locator(".count");
  const expectCounts = async (ann: string, bob: string, message: string, alert: string): Promise<void> => {
    const said = (number: string) => (number === "" ? "" : `${number} unread`);
    await expect(count("ann")).toHaveText(said(ann));
    await expect(count("bob")).toHaveText(said(bob));
    await expect(count("message")).toHaveText(said(message));
    await expect(count("alert")).toHaveText(said(alert));
  };
  await expectCounts("2", "1", "2", "1");
  let refreshes = 0;
  page.on("request", (request) => (refreshes += Number(request.url().endsWith("/api/ui/snapshot"))));
  await api.create({ user_id: "bob", content: "another alert", category: "alert" });
  await expectCounts("2", "2", "2", "2");
  await api.setRead(id);
  await expectCounts("1", "2", "2", "1");
  await dashboard.mark("for ann");
  await expectCounts("", "2", "1", "1");
  await dashboard.delete("another alert");
  await expectCounts("", "1", "1", "");
  await page.getByRole("button", { name: "Undo" }).click();
  await expectCounts("", "2", "1", "1");
  expect(refreshes).toBe(0);
  // Where one inbox is open, the others keep theirs.
  await dashboard.filters.getByRole("link", { name: "ann" }).click();
  await expect(dashboard.rows).toHaveCount(2);
  await expectCounts("", "2", "", "");
  await page.reload();
  await expectCounts("", "2", "", "");
});

for (const query of ["before=abc", "before=i5", "category=Not+legal", "before=abc&user_id=ann"]) {
  test(`a link that is not valid has a way out: ?${query}`, async ({ dashboard, api, page, expectAccessible, troubles }) => {
    // Whether a position is one of this list, only the server knows: it is asked again.
    troubles.expect(REFUSED);
    await api.create("note");
    await page.goto(`${DASHBOARD}?${query}`);
    await dashboard.hydrated();
    const state = page.getByRole("main").getByRole("alert").filter({ visible: true });
    await expect(state.getByRole("heading")).toHaveText("This link isn't valid.");
    await expect(state).not.toContainText("next link");
    await expect(state.getByRole("button", { name: "Try again" })).toBeHidden();
    await expectAccessible();
    await state.getByRole("link", { name: "Show all" }).click();
    await expect(page).toHaveURL(DASHBOARD);
    await expect(dashboard.row("note")).toBeVisible();
  });
}

test.describe("the place in the list is kept", () => {
  test.use({ serverArgs: ["--window", "2000"] });

  /** Which row is at the top of the list, and how far below it begins. */
  const place = (page: Page) =>
    page.evaluate(() => {
      const top = Math.max(0, document.getElementById("list")!.getBoundingClientRect().top);
      const rows = [...document.querySelectorAll(".row")];
      const first = rows.find((row) => row.getBoundingClientRect().bottom > top + 40)!;
      return { text: first.querySelector(".row-text")!.textContent, below: Math.round(first.getBoundingClientRect().top - top) };
    });

  /** The same, once it stays so: rows that come into view take their real height only then. */
  const placeAtRest = async (page: Page) => {
    let rest = await place(page);
    await expect(async () => {
      const before = rest;
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      rest = await place(page);
      expect(rest).toEqual(before);
    }).toPass();
    return rest;
  };

  test("going back shows the rows that were left, where they were left", async ({ dashboard, api, page, user }) => {
    await api.createMany(450, "note");
    await dashboard.open({ user_id: user });
    for (const count of [100, 200, 400]) {
      await page.getByRole("link", { name: "Show older" }).click();
      await expect(dashboard.rows).toHaveCount(count);
    }
    await dashboard.row("note 150").scrollIntoViewIfNeeded();
    const before = await placeAtRest(page);
    await page.getByRole("link", { name: "All inboxes" }).first().click();
    await expect(page).not.toHaveURL(/user_id/);
    await expect(dashboard.rows).toHaveCount(50);
    await api.create("while elsewhere");
    await page.goBack();
    await expect(dashboard.rows).toHaveCount(400);
    await expect.poll(async () => (await place(page)).text).toBe(before.text);
    await expect.poll(async () => Math.abs((await place(page)).below - before.below)).toBeLessThan(4);
    await expect(page.getByRole("button", { name: "1 new" })).toBeVisible();
    await api.create("while reading");
    await expect(page.getByRole("button", { name: "2 new" })).toBeVisible();
    expect((await place(page)).text).toBe(before.text);
  });

  test("many rows go and come a few at a time, so that the browser answers in between", async ({ dashboard, api, page, user }) => {
    await api.createMany(350, "note");
    await api.createMany(50, "alarm", "alert");
    await dashboard.open({ user_id: user });
    for (const count of [100, 200, 400]) {
      await page.getByRole("link", { name: "Show older" }).click();
      await expect(dashboard.rows).toHaveCount(count);
    }
    await page.evaluate(() => {
      const most = { added: 0, removed: 0 };
      const isRow = (node: Node) => node instanceof Element && node.classList.contains("row");
      new MutationObserver((records) => {
        const count = (of: "addedNodes" | "removedNodes") => records.flatMap((record) => [...record[of]]).filter(isRow).length;
        most.added = Math.max(most.added, count("addedNodes"));
        most.removed = Math.max(most.removed, count("removedNodes"));
      }).observe(document.getElementById("list")!, { childList: true, subtree: true });
      Object.assign(window, { most });
    });
    await dashboard.filters.getByRole("link", { name: /^alert/ }).click();
    await expect(dashboard.rows).toHaveCount(50);
    await page.goBack();
    await expect(dashboard.rows).toHaveCount(400);
    const most = await page.evaluate(() => (window as unknown as { most: { added: number; removed: number } }).most);
    expect(most.removed).toBeLessThanOrEqual(200);
    expect(most.added).toBeLessThanOrEqual(70);
  });

  test("past a thousand the list goes on from where the user is", async ({ dashboard, api, page }) => {
    test.slow();
    for (const text of ["oldest", "older", "old", "new"]) await api.createMany(400, text);
    await dashboard.open();
    // By role, Chromium takes seconds to count a thousand.
    const rows = dashboard.list.locator(".row");
    const older = page.getByRole("link", { name: "Show older" });
    for (const count of [100, 200, 400, 800, 1000]) {
      await older.click();
      await expect(rows).toHaveCount(count);
    }
    await older.scrollIntoViewIfNeeded();
    const before = await placeAtRest(page);
    await older.click();
    await expect(page).toHaveURL(/before=/);
    await expect(rows).toHaveCount(400);
    await expect.poll(async () => (await place(page)).text).toBe(before.text);
    await page.goBack();
    await expect(rows).toHaveCount(1000);
    await expect.poll(async () => (await place(page)).text).toBe(before.text);
  });
});
