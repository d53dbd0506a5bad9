import { type Api, Dashboard, expect, REFUSED, refusal, test, withoutLive } from "../fixture.ts";

test("one is marked as read, and as unread again", async ({ dashboard, api, user }) => {
  await api.create("one");
  await api.create("two");
  await dashboard.open({ user_id: user });
  await dashboard.mark("one");
  await dashboard.expectRead("one");
  await dashboard.expectUnread("two");
  await expect(dashboard.badge).toHaveText("1 unread");
  await expect.poll(async () => (await api.list()).map(({ is_read }) => is_read)).toEqual([false, true]);
  await dashboard.mark("one", "unread");
  await dashboard.expectUnread("one");
  await expect(dashboard.badge).toHaveText("2 unread");
  await expect.poll(async () => (await api.list()).map(({ is_read }) => is_read)).toEqual([false, false]);
});

test("one that is marked again and again ends as it was marked last", async ({ dashboard, api, page, user }) => {
  await api.create("note");
  await dashboard.open({ user_id: user });
  // The first answer comes after the page would have sent the others.
  let sent = 0;
  await page.route("**/api/ui/mark*", async (route) => {
    sent += 1;
    if (sent === 1) await new Promise((resolve) => setTimeout(resolve, 1_000));
    await route.continue();
  });
  await page.keyboard.press("j");
  for (let n = 0; n < 4; n += 1) await page.keyboard.press("e");
  await dashboard.expectUnread("note");
  await expect.poll(() => sent).toBe(2);
  await expect.poll(async () => (await api.list()).map(({ is_read }) => is_read)).toEqual([false]);
  await dashboard.expectUnread("note");
  await expect(dashboard.badge).toHaveText("1 unread");
});

test("the badge counts the unread notifications of the inbox shown", async ({ dashboard, api, user }) => {
  await api.createMany(3, "note");
  await api.create({ user_id: `${user}-2`, content: "theirs" });
  await dashboard.open();
  await expect(dashboard.badge).toHaveText("4 unread");
  await dashboard.open({ user_id: user });
  await expect(dashboard.badge).toHaveText("3 unread");
  await dashboard.send(user, "another one");
  await expect(dashboard.badge).toHaveText("4 unread");
});

test("the title and the icon of the tab say how much is unread", async ({ dashboard, api, page, user }) => {
  const icon = page.locator("link[rel=icon]");
  await api.createMany(2, "note");
  await dashboard.open({ user_id: user });
  await expect(page).toHaveTitle(`(2) ${user} · Campanile`);
  const unread = (await icon.getAttribute("href")) ?? "";
  await dashboard.mark("note 1");
  await expect(page).toHaveTitle(`(1) ${user} · Campanile`);
  await dashboard.mark("note 2");
  await expect(page).toHaveTitle(`${user} · Campanile`);
  await expect(icon).not.toHaveAttribute("href", unread);
  const read = (await icon.getAttribute("href")) ?? "";
  for (const href of [unread, read]) expect((await page.request.get(href)).headers()["content-type"]).toContain("image/svg+xml");
});

test("read and unread differ by a dot, by weight and by word, not by colour alone", async ({ dashboard, api, user }) => {
  await api.create("old").then(({ id }) => api.setRead(id));
  await api.create("new");
  await dashboard.open({ user_id: user });
  const look = (text: string) =>
    dashboard.row(text).evaluate((row) => {
      const dot = row.querySelector(".unread-dot")!;
      const shown = dot.getBoundingClientRect().width > 0 && getComputedStyle(dot).visibility === "visible";
      const weights = [...row.querySelectorAll("*")].map((element) => getComputedStyle(element).fontWeight);
      return { dot: shown && getComputedStyle(dot).opacity !== "0", weights: weights.join() };
    });
  const [read, unread] = [await look("old"), await look("new")];
  expect(unread.dot).toBe(true);
  expect(read.dot).toBe(false);
  expect(unread.weights).not.toBe(read.weights);
  await dashboard.expectRead("old");
  await dashboard.expectUnread("new");
});

test("all of an inbox are marked as read, and of no other", async ({ dashboard, api, page, user }) => {
  await api.createMany(3, "note");
  await api.create({ user_id: `${user}-2`, content: "theirs" });
  await dashboard.open({ user_id: user });
  await page.getByRole("button", { name: "Mark all read" }).click();
  for (const text of ["note 1", "note 2", "note 3"]) await dashboard.expectRead(text);
  await expect(dashboard.badge).toBeHidden();
  await expect(page.getByRole("button", { name: "Mark all read" })).toBeDisabled();
  await expect.poll(async () => (await api.list()).every(({ is_read }) => is_read)).toBe(true);
  expect((await api.list(`${user}-2`)).map(({ is_read }) => is_read)).toEqual([false]);
});

test.describe("marking all that a filter shows", () => {
  const unread = async (api: Api) => (await api.list()).filter(({ is_read }) => !is_read).map(({ content }) => content);
  const undo = { name: "Undo" };

  test.beforeEach(async ({ api }) => {
    await api.create({ content: "read before", category: "alert" }).then(({ id }) => api.setRead(id));
    await api.create({ content: "an alert", category: "alert" });
    await api.create({ content: "another alert", category: "alert" });
    await api.create("a message");
  });

  test("it says what it marks, and marks that at once", async ({ dashboard, api, page, user }) => {
    await page.clock.install();
    await dashboard.open({ user_id: user, category: "alert" });
    await page.getByRole("button", { name: "Mark all alert read" }).click();
    await dashboard.expectRead("an alert");
    await expect(dashboard.badge).toHaveText("1 unread");
    await expect.poll(() => unread(api)).toEqual(["a message"]);
    await expect(dashboard.toasts).toContainText("2 of category “alert” marked as read.");
    await page.clock.runFor(6_000);
    await expect(dashboard.toasts).toHaveCount(0);
    expect(await unread(api)).toEqual(["a message"]);
  });

  test("undo brings back what was marked, and nothing else", async ({ dashboard, api, page, user }) => {
    await dashboard.open({ user_id: user, category: "alert" });
    await dashboard.mark("another alert");
    await expect.poll(() => unread(api)).toEqual(["a message", "an alert"]);
    await page.keyboard.press("Shift+A");
    await expect.poll(() => unread(api)).toEqual(["a message"]);
    await dashboard.toasts.getByRole("button", undo).click();
    await expect(dashboard.toasts).toHaveCount(0);
    await dashboard.expectUnread("an alert");
    await dashboard.expectRead("another alert");
    await dashboard.expectRead("read before");
    await expect(dashboard.badge).toHaveText("2 unread");
    await expect.poll(() => unread(api)).toEqual(["a message", "an alert"]);
  });

  for (const live of [true, false]) {
    test(`undo brings back what left the unread view, ${live ? "live" : "asking"}`, async ({ dashboard, api, page, user }) => {
      if (!live) await withoutLive(page);
      await dashboard.open({ user_id: user, unread: "true" });
      await expect(dashboard.rows).toHaveCount(3);
      await page.keyboard.press("Shift+A");
      await expect(dashboard.toasts.getByRole("button", undo)).toBeVisible();
      await expect(dashboard.rows).toHaveCount(0);
      expect(await unread(api)).toEqual([]);
      // They are shown as unread again before the server has answered.
      let answer = () => {};
      const answered = new Promise<void>((resolve) => (answer = resolve));
      await page.route("**/api/ui/unmark-all", (route) => answered.then(() => route.continue()));
      await page.keyboard.press("z");
      const contents = ["a message", "another alert", "an alert"];
      for (const [place, content] of contents.entries()) await expect(dashboard.rows.nth(place)).toContainText(content);
      await expect(dashboard.badge).toHaveText("3 unread");
      expect(await unread(api)).toEqual([]);
      answer();
      await expect.poll(() => unread(api)).toEqual(contents);
      await expect(dashboard.rows).toHaveCount(3);
      await expect(dashboard.badge).toHaveText("3 unread");
    });
  }

  for (const filter of ["", "unread"]) {
    test(`an undo that is refused is taken back and offered again, filter "${filter}"`, async ({ dashboard, api, page, troubles, user }) => {
      troubles.expect(REFUSED);
      const away = refusal(503, "unavailable", "The store is away.");
      await page.route("**/api/ui/unmark-all", (route) => route.fulfill(away));
      await dashboard.open({ user_id: user, ...(filter && { unread: "true" }) });
      await page.keyboard.press("Shift+A");
      await expect(dashboard.toasts.getByRole("button", undo)).toBeVisible();
      // No refresh corrects it.
      await page.route("**/api/ui/snapshot", (route) => route.fulfill(away));
      await page.keyboard.press("z");
      await expect(dashboard.toasts).toContainText("Not marked as unread.");
      await expect(page.getByText("The store is away.").filter({ visible: true }), "once").toHaveCount(1);
      const contents = ["a message", "another alert", "an alert"];
      if (filter) await expect(dashboard.rows).toHaveCount(0);
      else for (const content of contents) await dashboard.expectRead(content);
      await expect(dashboard.badge).toBeHidden();
      expect(await unread(api)).toEqual([]);
      await page.unroute("**/api/ui/unmark-all");
      await page.keyboard.press("z");
      await expect.poll(() => unread(api)).toEqual(contents);
      await expect(dashboard.rows).toHaveCount(filter ? 3 : 4);
      await expect(dashboard.badge).toHaveText("3 unread");
    });
  }

  test("a search cannot be marked as a whole", async ({ dashboard, api, page, user }) => {
    await dashboard.open({ user_id: user, q: "another" });
    await expect(dashboard.rows).toHaveCount(1);
    await expect(page.getByRole("button", { name: /^Mark all/ })).toBeHidden();
    await page.keyboard.press("Shift+A");
    await page.keyboard.press("j");
    await page.keyboard.press("e");
    await expect.poll(() => unread(api)).toEqual(["a message", "an alert"]);
  });
});

test.describe("marking more than the page shows", () => {
  const unread = async (api: Api) => (await api.list()).filter(({ is_read }) => !is_read).map(({ content }) => content);

  test("undo brings all of it back, and not what was read before", async ({ dashboard, api, page, user }) => {
    await api.create("read before").then(({ id }) => api.setRead(id));
    await api.createMany(120, "note");
    const before = await unread(api);
    await dashboard.open({ user_id: user });
    await expect(dashboard.rows).toHaveCount(50);
    await expect(dashboard.badge).toHaveText("120 unread");
    await page.getByRole("button", { name: "Mark all read" }).click();
    await expect(dashboard.toasts).toContainText("120 marked as read.");
    await expect(dashboard.badge).toBeHidden();
    expect(await unread(api)).toEqual([]);
    await dashboard.toasts.getByRole("button", { name: "Undo" }).click();
    await expect(dashboard.badge).toHaveText("120 unread");
    await dashboard.expectUnread("note 120");
    await expect.poll(() => unread(api)).toEqual(before);
    await expect(dashboard.badge).toHaveText("120 unread");
    expect(before).toHaveLength(120);
  });

  test("undo brings back one kind where one was marked", async ({ dashboard, api, page, user }) => {
    await api.create({ content: "read before", category: "alert" }).then(({ id }) => api.setRead(id));
    await api.createMany(60, "alert", "alert");
    await api.createMany(3, "other");
    await dashboard.open({ user_id: user, category: "alert" });
    await page.keyboard.press("Shift+A");
    await expect(dashboard.toasts).toContainText("60 of category “alert” marked as read.");
    await expect.poll(() => unread(api)).toEqual(["other 3", "other 2", "other 1"]);
    // On another device, one of the others is marked read, and one of the marked alerts is marked unread and read
    // again.
    const listed = await api.list();
    const id = (content: string) => listed.find((notification) => notification.content === content)!.id;
    await api.setRead(id("other 2"));
    await api.setRead(id("alert 1"), false);
    await api.setRead(id("alert 1"));
    await page.keyboard.press("z");
    await expect(dashboard.badge).toHaveText("61 unread");
    const alerts = Array.from({ length: 59 }, (_, n) => `alert ${60 - n}`);
    await expect.poll(() => unread(api)).toEqual(["other 3", "other 1", ...alerts]);
    await expect(dashboard.badge).toHaveText("61 unread");
  });

  test("another tab shows it", async ({ dashboard, api, context, page, user }) => {
    await api.createMany(60, "note");
    await dashboard.open({ user_id: user });
    const other = new Dashboard(await context.newPage());
    await other.open({ user_id: user });
    await page.bringToFront();
    await page.keyboard.press("Shift+A");
    await expect(other.badge).toBeHidden();
    await page.keyboard.press("z");
    await expect(other.badge).toHaveText("60 unread");
    await other.expectUnread("note 60");
    await expect(dashboard.badge).toHaveText("60 unread");
  });
});

test("what the page does not show yet is not marked with the rest", async ({ dashboard, api, page, user }) => {
  await withoutLive(page);
  await api.create("seen");
  await dashboard.open({ user_id: user });
  await api.create("not seen");
  await page.getByRole("button", { name: "Mark all read" }).click();
  await dashboard.expectRead("seen");
  await dashboard.expectUnread("not seen");
  await expect(dashboard.badge).toHaveText("1 unread");
  expect((await api.list()).map(({ is_read }) => is_read)).toEqual([false, true]);
  await page.getByRole("button", { name: "Mark all read" }).click();
  await dashboard.expectRead("not seen");
  await expect.poll(async () => (await api.list()).every(({ is_read }) => is_read)).toBe(true);
});

test("a row marked in the unread view leaves it, and undo brings it back", async ({ dashboard, api, user }) => {
  await api.createMany(2, "note");
  await dashboard.open({ user_id: user, unread: "true" });
  await dashboard.mark("note 1");
  await expect(dashboard.rows).toHaveCount(1);
  await dashboard.toasts.getByRole("button", { name: "Undo" }).click();
  await expect(dashboard.rows).toHaveCount(2);
  await dashboard.expectUnread("note 1");
  await expect(dashboard.badge).toHaveText("2 unread");
  await expect.poll(async () => (await api.list()).map(({ is_read }) => is_read)).toEqual([false, false]);
});
