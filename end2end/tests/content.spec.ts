import { expect, test } from "../fixture.ts";

test("markup stays text, wherever it stands", async ({ dashboard, api, page }) => {
  const attack = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script></script><!--`;
  const who = `<b onmouseover=alert(1)>'"`;
  await api.create({ user_id: who, content: attack, title: "<i>title</i>" });
  await dashboard.open();
  await expect(dashboard.row(attack)).toBeVisible();
  await expect(dashboard.row(attack).getByRole("heading", { name: "<i>title</i>" })).toBeVisible();
  await dashboard.row(attack).getByRole("link", { name: who }).click();
  await expect(dashboard.heading).toHaveText(who);
  await page.reload();
  await dashboard.hydrated();
  await expect(dashboard.heading).toHaveText(who);
  await expect(dashboard.row(attack)).toBeVisible();
  await expect(page).toHaveTitle(`(1) ${who} · Campanile`);
  await expect(page.locator("img, b, i")).toHaveCount(0);
});

test("text typed into the form stays text too", async ({ dashboard, page, user }) => {
  const attack = "<script>document.title='owned'</script>&lt;b&gt;";
  await dashboard.open();
  await dashboard.send(user, attack);
  await expect(dashboard.row(attack)).toBeVisible();
  await page.reload();
  await expect(dashboard.row(attack)).toBeVisible();
  await expect(page).toHaveTitle("(1) Campanile");
});

test("a script in the address is nothing but a filter", async ({ dashboard, page }) => {
  await dashboard.open({ user_id: "</script><script>document.title='owned'</script>", category: "<b>" });
  await expect(page).not.toHaveTitle("owned");
  await expect(page.locator("main b")).toHaveCount(0);
});

test("links are links, and nothing else is", async ({ dashboard, api, page }) => {
  await api.create("Look at https://example.com/a?b=1&c=(2). Not at javascript:alert(1) or http:// alone.");
  await dashboard.open();
  const row = dashboard.rows.first();
  const link = row.getByRole("link", { name: /example\.com/ });
  await expect(link).toHaveAttribute("href", "https://example.com/a?b=1&c=(2)");
  await expect(link).toHaveAttribute("rel", /noopener/);
  await expect(link).toHaveAttribute("target", "_blank");
  await expect(page.locator('main a[href^="javascript:"]')).toHaveCount(0);
  await expect(row.locator("p").getByRole("link")).toHaveCount(1);
});

test("a long text is cut, opened and closed again", async ({ dashboard, api, page }) => {
  const long = Array.from({ length: 2_000 }, (_, n) => `word${n}`).join(" ").slice(0, 16_384);
  await api.create(long);
  await dashboard.open();
  const row = dashboard.rows.first();
  const height = async () => (await row.boundingBox())?.height ?? 0;
  const cut = await height();
  expect(cut).toBeLessThan(250);
  const more = row.getByRole("button", { name: "Show more" });
  await expect(more).toHaveAttribute("aria-expanded", "false");
  await more.click();
  await expect(row.getByRole("button", { name: "Show less" })).toHaveAttribute("aria-expanded", "true");
  expect(await height()).toBeGreaterThan(cut * 2);
  await row.getByRole("button", { name: "Show less" }).click();
  expect(await height()).toBe(cut);
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(row.getByRole("button", { name: "Show less" })).toBeVisible();
});

test("a text that is cut in a blank line has no line with an ellipsis alone", async ({ dashboard, api }) => {
  await api.create("one\ntwo\n\nthree\nfour");
  await dashboard.open();
  const text = dashboard.rows.first().locator(".row-text");
  await expect(dashboard.rows.first().getByRole("button", { name: "Show more" })).toBeVisible();
  const shown = await text.evaluate((it) => {
    const style = getComputedStyle(it);
    return [style.webkitLineClamp, Math.round(it.clientHeight / parseFloat(style.lineHeight))];
  });
  expect(shown).toEqual(["none", 3]);
});

test("a link in the part that is cut off shows itself to the keyboard, and the text begins at its beginning again", async ({ dashboard, api, page }) => {
  await api.create("line 1\nline 2\nline 3\nline 4\nline 5 https://example.com/hidden end\nline 6");
  await dashboard.open();
  const text = dashboard.rows.first().locator(".row-text");
  await page.keyboard.press("j");
  const link = text.getByRole("link");
  for (let presses = 0; presses < 9 && !(await link.evaluate((it) => it.matches(":focus"))); presses += 1) await page.keyboard.press("Tab");
  await expect(link).toBeFocused();
  await expect(link).toBeInViewport({ ratio: 1 });
  const box = () => text.evaluate((it) => [it.scrollTop, Math.round(it.clientHeight / parseFloat(getComputedStyle(it).lineHeight))]);
  expect(await box()).toEqual([0, 6]);
  await page.keyboard.press("j");
  await page.keyboard.press("Escape");
  await page.locator("#search").click();
  expect(await box()).toEqual([0, 3]);
});

test("a long text is whole on paper", async ({ dashboard, api, page }) => {
  await api.create("A long text that goes on. ".repeat(40));
  await dashboard.open();
  const text = dashboard.rows.first().locator(".row-text");
  const isCut = () => text.evaluate((it) => [it.scrollHeight > it.clientHeight, getComputedStyle(it).maskImage !== "none"]);
  expect(await isCut()).toEqual([true, true]);
  await page.emulateMedia({ media: "print" });
  expect(await isCut()).toEqual([false, false]);
});

test("sixteen thousand characters without a space break", async ({ dashboard, api, page }) => {
  await api.create("W".repeat(16_384));
  await dashboard.open();
  await dashboard.rows.first().getByRole("button", { name: "Show more" }).click();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(1440);
});

test("lines stay lines", async ({ dashboard, api }) => {
  await api.create("one\ntwo\n\nthree");
  await dashboard.open();
  expect(await dashboard.rows.first().locator("p").first().innerText()).toBe("one\ntwo\n\nthree");
});

test("text from right to left runs from right to left", async ({ dashboard, api, user }) => {
  const arabic = "تم شحن طلبك رقم 7 🔔";
  await api.create(arabic);
  await api.create("From left to right");
  await dashboard.open({ user_id: user });
  const direction = (text: string) => dashboard.row(text).getByText(text, { exact: true }).evaluate((p) => getComputedStyle(p).direction);
  expect(await direction(arabic)).toBe("rtl");
  expect(await direction("From left to right")).toBe("ltr");
});

test("characters that turn the reading direction are seen in a name, and end a link", async ({ dashboard, api, page }) => {
  const user = "gnp.\u202Eexe";
  await api.create({ user_id: user, content: "open https://a.example/\u202Egpj.exe now" });
  await dashboard.open();
  await expect(dashboard.rows.locator(".who")).toHaveText("gnp.⟨U+202E⟩exe");
  await expect(dashboard.filters.locator(".inboxes .choice-name").last()).toHaveText("gnp.⟨U+202E⟩exe");
  const link = dashboard.rows.locator(".row-text a");
  await expect(link).toHaveAttribute("href", "https://a.example/");
  await expect(link).toHaveCSS("unicode-bidi", "isolate");
  await dashboard.rows.locator(".who").click();
  await expect(page).toHaveURL(/user_id=gnp\.%E2%80%AEexe/);
  await expect(dashboard.heading).toHaveText("gnp.⟨U+202E⟩exe");
  await expect(page).toHaveTitle("(1) gnp.⟨U+202E⟩exe · Campanile");
  await expect(dashboard.rows).toHaveCount(1);
});
