import type { APIRequestContext, Page } from "@playwright/test";
import { signInWith, signToken, test as signedIn } from "../auth.ts";
import { DASHBOARD, expect, REFUSED, test as base } from "../fixture.ts";

// No relay listens there; for the page it only matters that one is set.
const MAIL = ["--smtp", "smtp://127.0.0.1:9?tls=off", "--mail-from", "bell@example.com", "--mandatory-categories", "security"];

const test = base.extend<{ path: string }>({
  serverArgs: async ({}, use) => use(MAIL),
  path: async ({ user }, use) => use(`/notify-me?user_id=${user}`),
});

/** A user's preferences, as the API returns them. */
async function wishes(request: APIRequestContext, user: string) {
  const answer = await request.get(`/api/preferences/${user}`);
  expect(answer.status(), await answer.text()).toBe(200);
  return answer.json();
}

async function save(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status")).toContainText("Saved.");
}

/** Checks the text of a choice. */
async function expectChosen(page: Page, name: string, says: string): Promise<void> {
  await expect(page.getByLabel(name, { exact: true }).locator("option:checked")).toHaveText(says);
}

/** Checks that nothing is wider than the window. */
async function expectToFit(page: Page): Promise<void> {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  expect(content).toBeLessThanOrEqual(window ?? 0);
}

for (const javaScriptEnabled of [true, false])
  test.describe(javaScriptEnabled ? "with script" : "without script", () => {
    test.use({ javaScriptEnabled });

    test("a category is chosen for, added, and given up again", async ({ page, path, request, user }) => {
      await page.goto(path);
      await expectChosen(page, "E-mail: alert", "As for all categories (on, by default)");
      await expectChosen(page, "E-mail: message", "As for all categories (off, by default)");
      await page.getByLabel("E-mail: all categories").selectOption("Off");
      await page.getByLabel("E-mail: message").selectOption("If unread after 10 min");
      await page.getByLabel("Add a category").fill("deploy");
      await page.getByLabel("E-mail: the added category").selectOption("On");
      await save(page);
      await expectChosen(page, "E-mail: alert", "As for all categories (off)");
      await expectChosen(page, "E-mail: message", "If unread after 10 min");
      await expectChosen(page, "E-mail: deploy", "On");
      const { channels, categories } = await wishes(request, user);
      expect(channels).toEqual({ email: "off" });
      expect(categories).toEqual({ message: { email: { if_unread_after: 600 } }, deploy: { email: "on" } });

      await page.getByLabel("E-mail: deploy").selectOption("As for all categories (off)");
      await save(page);
      await expect(page.getByLabel("E-mail: deploy")).toHaveCount(0);
    });

    test("quiet hours and a daily digest go by the clock of the user", async ({ page, path, request, user }) => {
      await page.goto(path);
      const from = page.getByLabel("From", { exact: true });
      await expect(from).toBeHidden();
      await expect(page.getByLabel("Time zone")).toBeHidden();
      await page.getByLabel("Hold back what comes in these hours").check();
      await from.fill("21:30");
      await page.getByLabel("To", { exact: true }).fill("06:00");
      await page.getByLabel("Saturday").uncheck();
      await page.getByLabel("Sunday").uncheck();
      await page.getByLabel("Every day").check();
      await page.getByLabel("At", { exact: true }).fill("08:15");
      const zone = page.getByLabel("Time zone");
      if (javaScriptEnabled) await expect(zone).toHaveValue("Europe/Rome");
      else await zone.fill("Europe/Rome");
      await save(page);
      const { quiet_hours, digest } = await wishes(request, user);
      const days = ["mon", "tue", "wed", "thu", "fri"];
      expect(quiet_hours).toEqual({ zone: "Europe/Rome", from: "21:30", to: "06:00", days });
      expect(digest).toEqual({ email: "daily 08:15" });

      await page.getByLabel("Hold back what comes in these hours").uncheck();
      await page.getByLabel("Every hour").check();
      await save(page);
      const after = await wishes(request, user);
      expect(after.quiet_hours ?? null).toBeNull();
      expect(after.digest).toEqual({ email: "1h" });
    });
  });

test("a mistake is shown at its field, and the typed text is kept", async ({ page, path, request, troubles, user }) => {
  troubles.expect(REFUSED);
  await page.goto(path);
  await page.getByLabel("E-mail: system").selectOption("If unread after 1 h");
  await page.getByLabel("Hold back what comes in these hours").check();
  await page.getByLabel("Time zone").fill("Mars/Base");
  await page.getByRole("button", { name: "Save" }).click();
  const zone = page.getByLabel("Time zone");
  await expect(zone).toBeFocused();
  await expect(zone).toHaveValue("Mars/Base");
  await expect(zone).toHaveAttribute("aria-invalid", "true");
  await expect(zone).toHaveAccessibleDescription(/such as Europe\/Berlin/);
  await expectChosen(page, "E-mail: system", "If unread after 1 h");
  expect((await wishes(request, user)).categories).toEqual({});
  await zone.fill("Europe/Berlin");
  await save(page);
  expect((await wishes(request, user)).quiet_hours.zone).toBe("Europe/Berlin");
});

test("a link in a mail that was followed meanwhile holds", async ({ page, path, request, user }) => {
  await page.goto(path);
  await request.patch(`/api/preferences/${user}`, { data: { categories: { alert: { email: "off" } } } });
  await page.getByLabel("E-mail: system").selectOption("On");
  await save(page);
  await expectChosen(page, "E-mail: alert", "Off");
  await expectChosen(page, "E-mail: system", "On");
});

test("the addresses of a user are shown, and the operator's requirements are fixed", async ({ page, path, request, user }) => {
  const ann = { channel: "email", address: "ann@example.com", label: "Work" };
  expect((await request.post(`/api/contacts/${user}`, { data: ann })).status()).toBe(201);
  await page.goto(path);
  await expect(page.getByRole("columnheader", { name: "E-mail" })).toContainText("to ann@example.com");
  await expect(page.getByRole("columnheader", { name: "Push" })).toContainText("Not set up on this server");
  const security = page.getByRole("row", { name: "security" });
  await expect(security).toContainText("Always on");
  await expect(security.getByRole("combobox")).toHaveCount(0);
  await page.getByText("Remove…").click();
  await page.getByRole("button", { name: /^Remove it/ }).click();
  await expect(page.getByRole("status")).toContainText("It is removed.");
  await expect(page.getByRole("columnheader", { name: "E-mail" })).toContainText("No address yet");
});

test("the keyboard reaches every choice, and the button hides none of them", async ({ page, path }) => {
  await page.setViewportSize({ width: 390, height: 640 });
  await page.goto(path);
  const bar = page.getByRole("button", { name: "Save" });
  const zone = page.getByLabel("Hold back what comes in these hours");
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press("Tab");
    if (await zone.evaluate((element) => element === document.activeElement)) break;
  }
  await expect(zone).toBeFocused();
  const [focused, button] = [await zone.boundingBox(), await bar.boundingBox()];
  expect(focused && button && focused.y + focused.height <= button.y).toBe(true);
  await page.keyboard.press("Space");
  await expect(page.getByLabel("From", { exact: true })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status")).toContainText("Saved.");
});

for (const colorScheme of ["light", "dark"] as const)
  for (const [device, viewport] of Object.entries({ phone: { width: 320, height: 640 }, desk: { width: 1280, height: 900 } }))
    test(`axe finds nothing on a ${device} in ${colorScheme} colours, and nothing is cut off`, async ({ page, path, request, troubles, user, expectAccessible }) => {
      troubles.expect(REFUSED);
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(viewport);
      await page.goto("/notify-me");
      await expectAccessible();
      await request.post(`/api/contacts/${user}`, { data: { channel: "email", address: `${"a".repeat(60)}@example.com` } });
      await page.goto(path);
      await expectAccessible();
      await expectToFit(page);
      await page.getByLabel("Hold back what comes in these hours").check();
      await page.getByLabel("Every day").check();
      await page.getByLabel("To", { exact: true }).fill("22:00");
      for (const day of ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"])
        await page.getByLabel(day).uncheck();
      await page.getByLabel("Add a category").fill("Not good");
      await page.getByLabel("Time zone").fill("nonsense");
      await page.getByRole("button", { name: "Save" }).click();
      await expect(page.getByText("Choose one day at least.")).toBeVisible();
      await expectAccessible();
      await expectToFit(page);
    });

test("a system's own colours do", async ({ page, path, expectAccessible }) => {
  await page.emulateMedia({ forcedColors: "active" });
  await page.goto(path);
  await expect(page.getByRole("row", { name: "security" }).getByText("Always on").first()).toBeVisible();
  await expectAccessible();
});

const ownPage = signedIn.extend({ moreArgs: async ({}, use) => use(MAIL) });

ownPage("a user comes to the own page from the inbox, and to no other", async ({ page, troubles, user }) => {
  troubles.expect(REFUSED);
  await page.goto(DASHBOARD);
  await signInWith(page, signToken(user));
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Notify me" }).click();
  await expect(page).toHaveURL("/notify-me");
  await expect(page.getByRole("heading", { level: 1, name: "Notify me" })).toBeVisible();
  await expect(page.getByRole("navigation", { name: "Pages" }).getByRole("link")).toHaveText(["Inbox", "Notify me"]);
  await page.getByLabel("E-mail: update").selectOption("On");
  await save(page);
  await expect(page).toHaveURL("/notify-me?done=saved");
  expect((await page.goto("/notify-me?user_id=another-user"))?.status()).toBe(403);
  await expect(page.getByRole("heading", { name: "You may not see this" })).toBeVisible();
});
