import { mergeTests } from "@playwright/test";
import { test as signedIn } from "../auth.ts";
import { expect, test } from "../firefox.ts";
import { DASHBOARD } from "../fixture.ts";

test("a user id is trimmed, and goes with the inbox that was left", async ({ api, tab, user }) => {
  await api.create("mine");
  await tab.open({ user_id: user });
  const to = () => tab.page.$eval("#to", (field) => (field as HTMLInputElement).value);
  expect(await to()).toBe(user);
  await tab.page.locator(".inboxes a").click();
  await expect.poll(to).toBe("");
  await tab.send(` ${user} `, "trimmed");
  await expect.poll(async () => (await api.list()).map(({ content }) => content)).toEqual(["trimmed", "mine"]);
});

test("on a phone the form is a dialog: Tab stays in it, and Back closes it", async ({ api, tab }) => {
  await tab.page.setViewport({ width: 390, height: 844 });
  await api.create("behind");
  await tab.open();
  await tab.click("link", "New");
  await tab.page.waitForSelector("main[inert]");
  for (let presses = 0; presses < 25; presses += 1) {
    await tab.press("Tab");
    const where = await tab.page.evaluate(() => document.activeElement === document.body || Boolean(document.activeElement?.closest("#compose")));
    expect(where, await tab.page.evaluate(() => document.activeElement?.outerHTML)).toBe(true);
  }
  // Nothing is loaded, so there is nothing that goBack() could wait for.
  await tab.page.evaluate(() => history.back());
  await expect.poll(() => tab.count("main[inert]")).toBe(0);
  expect(new URL(tab.page.url()).pathname).toBe(DASHBOARD);
  expect(await tab.titles()).toEqual(["behind"]);
  await expect.poll(() => tab.focused()).toContain("New");
});

for (const width of [320, 390])
  test(`nothing scrolls sideways at ${width} px`, async ({ api, tab, user }) => {
    await tab.page.setViewport({ width, height: 800 });
    await api.create({ content: "W".repeat(2_000), title: "T".repeat(200), link: `https://example.com/${"long/".repeat(100)}` });
    for (const query of [{}, { user_id: user }]) {
      await tab.open(query);
      expect(await tab.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    }
  });

mergeTests(test, signedIn)("neither Back nor Reload sends a key again", async ({ key, tab, user }) => {
  const posts: string[] = [];
  tab.page.on("request", (request) => void (request.method() === "POST" && posts.push(new URL(request.url()).pathname)));
  const signIn = async (secret: string) => {
    await tab.type("#secret", secret);
    await Promise.all([tab.page.waitForNavigation(), tab.press("Enter")]);
  };
  await tab.goto({ user_id: user });
  await signIn("cmp_nonsense");
  await tab.page.reload();
  await expect.poll(() => tab.shown('[role="alert"]')).toEqual(["This key or token is not valid here."]);
  await signIn(key);
  await tab.hydrated();
  expect(tab.page.url()).not.toContain("cmp_");
  await tab.page.goBack();
  expect(await tab.page.$eval("#secret", (field) => (field as HTMLInputElement).value)).toBe("");
  await tab.page.goForward();
  await tab.hydrated();
  expect(posts.filter((path) => path === "/login")).toEqual(["/login", "/login"]);
});
