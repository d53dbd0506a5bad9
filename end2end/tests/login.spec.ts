import { expect, signInWith, signToken, test } from "../auth.ts";
import { DASHBOARD, REFUSED, withoutLive } from "../fixture.ts";

test("no user sees the dashboard before signing in, and then they see what they asked for", async ({ dashboard, api, key, page, user }) => {
  await api.create({ content: "an alert", category: "alert" });
  await api.create("a message");
  await page.goto(`${DASHBOARD}?user_id=${user}&category=alert`);
  await expect(page).toHaveURL(`/login?next=${encodeURIComponent(`${DASHBOARD}?user_id=${user}&category=alert`)}`);
  await expect(page).toHaveTitle("Sign in · Campanile");
  await signInWith(page, key);
  await expect(page).toHaveURL(`${DASHBOARD}?user_id=${user}&category=alert`);
  await dashboard.hydrated();
  await expect(dashboard.rows).toHaveCount(1);
  await expect(dashboard.row("an alert")).toBeVisible();
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  await dashboard.send(user, "sent by a user who signed in");
  await expect.poll(async () => (await api.list()).length).toBe(3);
});

test("the page is a form and no more, and the keyboard is enough", async ({ dashboard, key, page }) => {
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(DASHBOARD);
  await expect(page.getByLabel("Key or token")).toBeFocused();
  await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
  await expect(page.getByText("campanile key create NAME --scopes admin")).toBeVisible();
  expect(asked.filter((path) => /\.(js|wasm)$/.test(path)), "the choice of the language alone").toEqual(["/language.js"]);
  await page.keyboard.type(key);
  await page.keyboard.press("Enter");
  await dashboard.hydrated();
  await expect(page).toHaveURL(DASHBOARD);
});

test("a wrong secret is refused at the field, and not shown again", async ({ dashboard, key, page, user }) => {
  await page.goto(`${DASHBOARD}?user_id=${user}`);
  await signInWith(page, "cmp_nonsense");
  const field = page.getByLabel("Key or token");
  await expect(page.getByRole("alert")).toHaveText("This key or token is not valid here.");
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(field).toHaveAccessibleDescription(/^This key or token is not valid here\./);
  await expect(field).toHaveValue("");
  await expect(field).toBeFocused();
  await signInWith(page, key);
  await expect(page).toHaveURL(`${DASHBOARD}?user_id=${user}`);
  await dashboard.hydrated();
});

test("neither Back nor Reload sends a key again", async ({ dashboard, key, page, user }) => {
  const posts: string[] = [];
  page.on("request", (request) => request.method() === "POST" && posts.push(new URL(request.url()).pathname));
  await page.goto(`${DASHBOARD}?user_id=${user}`);
  await signInWith(page, "cmp_nonsense");
  await expect(page.getByRole("alert")).toHaveText("This key or token is not valid here.");
  expect(page.url()).not.toContain("nonsense");
  await page.reload();
  await expect(page.getByRole("alert")).toHaveText("This key or token is not valid here.");
  await signInWith(page, key);
  await dashboard.hydrated();
  expect(page.url()).not.toContain("cmp_");
  await page.goBack();
  await expect(page.getByLabel("Key or token")).toHaveValue("");
  await page.goForward();
  await dashboard.hydrated();
  expect(posts).toEqual(["/login", "/login"]);
});

test("a key that may not sign in gets the reason", async ({ page, readKey, troubles }) => {
  troubles.expect(REFUSED);
  await page.goto(DASHBOARD);
  await signInWith(page, readKey);
  await expect(page.getByRole("alert")).toContainText("scope admin");
});

test("a token that is over is refused", async ({ page, troubles, user }) => {
  troubles.expect(REFUSED);
  await page.goto(DASHBOARD);
  await signInWith(page, signToken(user, -60));
  await expect(page.getByRole("alert")).toBeVisible();
  await expect(page.getByLabel("Key or token")).toHaveAttribute("aria-invalid", "true");
});

test("it leads to no other site", async ({ dashboard, key, page }) => {
  await page.goto(`/login?next=${encodeURIComponent("https://example.com/")}`);
  await signInWith(page, key);
  await dashboard.hydrated();
  await expect(page).toHaveURL(DASHBOARD);
});

test("a user who signs out is unknown again", async ({ api, dashboard, key, page, user }) => {
  await api.create("secret");
  await page.goto(`${DASHBOARD}?user_id=${user}`);
  await signInWith(page, key);
  await dashboard.hydrated();
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
  await page.goto(`${DASHBOARD}?user_id=${user}`);
  await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
  await expect(page.getByText("secret")).toHaveCount(0);
});

test("what was deleted a moment before signing out is deleted", async ({ api, dashboard, key, page, user }) => {
  await api.create("stays");
  await api.create("goes");
  await page.goto(`${DASHBOARD}?user_id=${user}`);
  await signInWith(page, key);
  await dashboard.hydrated();
  await dashboard.delete("goes");
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
  await expect.poll(async () => (await api.list()).map(({ content }) => content)).toEqual(["stays"]);
});

test("a session that ends while the page is open says so, and leads back to where it was", async ({ api, dashboard, key, page, troubles, user }) => {
  troubles.expect(REFUSED);
  await withoutLive(page);
  await api.create("stays");
  await page.goto(`${DASHBOARD}?user_id=${user}&unread=true`);
  await signInWith(page, key);
  await dashboard.hydrated();
  await page.context().clearCookies();
  await expect(page.getByText("You are signed out.")).toBeVisible({ timeout: 10_000 });
  await expect(dashboard.row("stays")).toBeVisible();
  await page.getByRole("main").getByRole("link", { name: "Sign in" }).click();
  await signInWith(page, key);
  await expect(page).toHaveURL(`${DASHBOARD}?user_id=${user}&unread=true`);
  await expect(dashboard.row("stays")).toBeVisible();
});

test("signing out in one tab ends the connection of the other", async ({ context, dashboard, key, page, troubles }) => {
  troubles.expect(REFUSED);
  troubles.expect(/WebSocket connection to '.*' failed/);
  await page.goto(DASHBOARD);
  await signInWith(page, key);
  await dashboard.hydrated();
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  const other = await context.newPage();
  await other.goto(DASHBOARD);
  await other.getByRole("button", { name: "Account" }).click();
  await other.getByRole("button", { name: "Sign out" }).click();
  await expect(other.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
  await expect(page.getByRole("main").getByRole("heading", { name: "You are signed out." })).toBeVisible({ timeout: 15_000 });
  await expect(page.getByText("Live", { exact: true })).toHaveCount(0);
});

test("a chosen theme holds here too", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await page.addInitScript(() => localStorage.setItem("campanile.theme", "dark"));
  await page.goto(DASHBOARD);
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe("dark");
});

test.describe("without script", () => {
  test.use({ javaScriptEnabled: false });

  test.beforeEach(({ troubles }) => troubles.expect(/^csp for \S+\/pkg\/\S+\.js$/));

  test("one signs in and out", async ({ api, dashboard, key, page, user }) => {
    await api.create("note");
    await page.goto(`${DASHBOARD}?user_id=${user}`);
    await signInWith(page, key);
    await expect(dashboard.row("note")).toBeVisible();
    await dashboard.mark("note");
    await dashboard.expectRead("note");
    await page.getByRole("button", { name: "Account" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
    await page.goto(DASHBOARD);
    await expect(page.getByLabel("Key or token")).toBeVisible();
  });
});

test.describe("a user who tries too often", () => {
  // Limits by address do not apply to this machine, so these requests come through a proxy.
  test.use({
    moreArgs: ["--limit-login", "2/m:2", "--trusted-proxies", "127.0.0.0/8"],
    extraHTTPHeaders: { "X-Forwarded-For": "203.0.113.7" },
  });

  test("shows how long to wait", async ({ key, page, troubles }) => {
    troubles.expect(REFUSED);
    await page.goto(DASHBOARD);
    for (const nonsense of ["one", "two"]) {
      await signInWith(page, nonsense);
      await expect(page.getByRole("alert")).toHaveText("This key or token is not valid here.");
    }
    await signInWith(page, key);
    await expect(page.getByRole("alert")).toHaveText(/^Too many attempts\. Try again in \d+ (second|minute)s?\.$/);
  });
});

for (const colorScheme of ["light", "dark"] as const)
  for (const [device, viewport] of Object.entries({ phone: { width: 390, height: 844 }, desk: { width: 1440, height: 900 } }))
    test(`axe finds nothing on a ${device} in ${colorScheme} colours, and nothing is cut off`, async ({ page, troubles, expectAccessible }) => {
      troubles.expect(REFUSED);
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(viewport);
      await page.goto(DASHBOARD);
      await expectAccessible();
      await signInWith(page, "nonsense");
      await expect(page.getByRole("alert")).toBeVisible();
      await expectAccessible();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(viewport.width);
    });
