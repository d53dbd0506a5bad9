import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import { signInWith, signToken, test as signedIn } from "../auth.ts";
import { DASHBOARD, expect, REFUSED, test as base } from "../fixture.ts";

const CHANNELS = "/operations/channels";
const WEBHOOKS = "/operations/webhooks";

/** An application that receives a webhook's events. */
interface Receiver {
  url: string;
  /** The status of its responses. */
  status: number;
  /** The types of the events that it received. */
  got: string[];
}

const test = base.extend<{ receiver: Receiver }>({
  serverArgs: async ({}, use) => use(["--webhook-allow", "127.0.0.0/8"]),

  receiver: async ({}, use) => {
    const receiver: Receiver = { url: "", status: 204, got: [] };
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        receiver.got.push((JSON.parse(body) as { type: string }).type);
        response.writeHead(receiver.status).end("seen");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    await use(receiver);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  },
});

/** Adds a webhook by the form, and returns its secret. */
async function addWebhook(page: Page, url: string): Promise<string> {
  await page.goto(WEBHOOKS);
  await page.getByLabel("Address").fill(url);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  const secret = page.getByLabel("Its secret, shown this once");
  await expect(secret).toHaveValue(/^whsec_/);
  return secret.inputValue();
}

/** Requests a page repeatedly until it shows this text. */
async function until(page: Page, path: string, text: string): Promise<void> {
  await expect(async () => {
    await page.goto(path);
    await expect(page.getByText(text).first()).toBeVisible({ timeout: 300 });
  }).toPass();
}

/** Checks that nothing is wider than the window. */
async function expectToFit(page: Page): Promise<void> {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  expect(content).toBeLessThanOrEqual(window ?? 0);
}

for (const javaScriptEnabled of [true, false])
  test.describe(javaScriptEnabled ? "with script" : "without script", () => {
    test.use({ javaScriptEnabled });

    // The inbox, to which deleting leads, has a script that is not run.
    test.beforeEach(({ troubles }) => troubles.expect(/^csp for \S+\/pkg\/\S+\.js$/));

    test("a webhook is added, tested, switched, given a secret and deleted", async ({ page, receiver }) => {
      await page.goto(WEBHOOKS);
      await expect(page.getByText("No webhooks yet.")).toBeVisible();
      const secret = await addWebhook(page, receiver.url);
      expect(page.url()).not.toContain("whsec");
      await page.getByRole("link", { name: "I have copied it" }).click();
      await expect(page.getByRole("heading", { name: receiver.url })).toBeVisible();
      await expect(page.getByText("whsec_")).toHaveCount(0);

      await page.getByRole("button", { name: /^Test/ }).click();
      await expect(page.getByRole("status")).toContainText(/The test arrived: it answered 204, \d+ ms/);
      expect(receiver.got).toEqual(["webhook.test"]);
      receiver.status = 500;
      await page.getByRole("button", { name: /^Test/ }).click();
      await expect(page.getByRole("status")).toContainText("The test failed: it answered 500");
      await expect(page.getByRole("status")).toContainText("seen");

      await page.getByRole("button", { name: /^Disable/ }).click();
      await expect(page.getByRole("status")).toContainText("The webhook is disabled.");
      await page.getByRole("button", { name: /^Enable/ }).click();
      await expect(page.getByRole("listitem").getByText("Active", { exact: true })).toBeVisible();

      await page.getByText("New secret…").click();
      await page.getByRole("button", { name: /^Make a new secret/ }).click();
      const rotated = page.getByLabel("Its secret, shown this once");
      await expect(rotated).toHaveValue(/^whsec_/);
      expect(await rotated.inputValue()).not.toBe(secret);
      await expect(page.getByText("Old secret ends")).toBeVisible();

      const deletes = page.getByRole("button", { name: /^Delete it/ });
      await expect(deletes).toBeHidden();
      await page.getByText("Delete…").click();
      await deletes.click();
      await expect(page.getByText("No webhooks yet.")).toBeVisible();
    });

    test("what was given up is sent again", async ({ api, page, receiver }) => {
      receiver.status = 410;
      await addWebhook(page, receiver.url);
      const { id } = await api.create("a note");
      await until(page, CHANNELS, "One lane needs you");
      await expect(page.getByText("It answered 410 Gone.")).toBeVisible();
      await page.getByRole("link", { name: "A notification" }).click();
      await expect(page).toHaveURL(`/notifications/${id}`);
      await expect(page.getByText("a note")).toBeVisible();
      await page.getByText(/1 attempt, the last answered with 410/).click();
      await expect(page.getByText(/HTTP 410/)).toBeVisible();

      receiver.status = 204;
      await page.goto(WEBHOOKS);
      await page.getByRole("button", { name: /^Enable/ }).click();
      await page.goto(CHANNELS);
      await page.getByText("Retry all…").click();
      await page.getByRole("button", { name: "Send all again" }).click();
      await expect(page.getByRole("status")).toHaveText("One delivery is sent again.");
      await until(page, `/notifications/${id}`, "answered with 204");
      expect(receiver.got).toEqual(["notification.created", "notification.created"]);
    });

    test("a notification is marked and deleted by its forms", async ({ api, page }) => {
      const { id } = await api.create({ content: "see https://a.example", title: "A title", category: "alert" });
      await page.goto(`/notifications/${id}`);
      await expect(page.getByRole("heading", { level: 1, name: "A title" })).toBeVisible();
      await expect(page.getByRole("link", { name: "https://a.example" })).toBeVisible();
      await page.getByRole("button", { name: "Mark as read" }).click();
      await expect(page.getByRole("status")).toHaveText("It is marked as read.");
      expect((await api.list())[0]?.is_read).toBe(true);
      await page.getByText("Delete…").click();
      await page.getByRole("button", { name: "Delete it" }).click();
      await expect(page).toHaveURL(new RegExp(`${DASHBOARD}\\?user_id=`));
      expect(await api.list()).toEqual([]);
    });
  });

test("a mistake in a webhook is shown at its field, and the typed text is kept", async ({ page, troubles }) => {
  troubles.expect(REFUSED);
  await page.goto(WEBHOOKS);
  await page.getByLabel("Address").fill("ftp://a.example/hook");
  await page.getByLabel(/^Deleted/).check();
  await page.getByLabel("Only these categories").fill("alert, system");
  await page.keyboard.press("Enter");
  const field = page.getByLabel("Address");
  await expect(field).toBeFocused();
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(field).toHaveValue("ftp://a.example/hook");
  await expect(page.getByLabel(/^Deleted/)).toBeChecked();
  await expect(page.getByLabel("Only these categories")).toHaveValue("alert, system");
});

test("the pages load a style and no program but for times and languages, and the keyboard finds its way", async ({ page, receiver }) => {
  await addWebhook(page, receiver.url);
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(DASHBOARD);
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Channels" }).click();
  asked.length = 0;
  await page.goto(CHANNELS);
  await page.getByRole("link", { name: "Webhooks", exact: true }).click();
  await expect(page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Webhooks" })).toHaveAttribute("aria-current", "page");
  expect([...new Set(asked.filter((path) => /\.(js|wasm)$/.test(path)))]).toEqual(["/desk.js", "/language.js"]);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Add a webhook" })).toBeFocused();
});

for (const colorScheme of ["light", "dark"] as const)
  for (const [device, viewport] of Object.entries({ phone: { width: 390, height: 844 }, desk: { width: 1440, height: 900 } }))
    test(`axe finds nothing on a ${device} in ${colorScheme} colours, and nothing is cut off`, async ({ api, page, receiver, troubles, expectAccessible }) => {
      troubles.expect(REFUSED);
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(viewport);
      for (const path of [WEBHOOKS, CHANNELS]) {
        await page.goto(path);
        await expectAccessible();
      }
      receiver.status = 410;
      await addWebhook(page, receiver.url);
      await expectAccessible();
      await expectToFit(page);
      const { id } = await api.create({ content: "x".repeat(16_384), title: "\u05e9\u05dc\u05d5\u05dd", category: "alert" });
      await until(page, CHANNELS, "One lane needs you");
      await expectAccessible();
      await expectToFit(page);
      await page.goto(`/notifications/${id}`);
      await page.getByText("Delete…").click();
      await page.getByText(/1 attempt/).click();
      await expectAccessible();
      await expectToFit(page);
      await page.goto(WEBHOOKS);
      await page.getByRole("button", { name: /^Test/ }).click();
      await page.getByLabel("Address").fill("nonsense");
      await page.getByRole("button", { name: "Add", exact: true }).click();
      await expectAccessible();
      await expectToFit(page);
    });

test("a mark is a word and a shape where a system has its own colours", async ({ api, page, receiver, expectAccessible }) => {
  await page.emulateMedia({ forcedColors: "active" });
  receiver.status = 410;
  await addWebhook(page, receiver.url);
  await api.create("a note");
  await until(page, CHANNELS, "One lane needs you");
  await expect(page.getByRole("table").getByText("Disabled")).toBeVisible();
  await expectAccessible();
});

signedIn("who is not signed in comes back to what they asked for, and sees the own notifications alone", async ({ api, page, troubles, user }) => {
  troubles.expect(REFUSED);
  const own = await api.create("for me");
  const other = await api.create({ user_id: "another", content: "for another" });
  await page.goto(`/notifications/${own.id}`);
  await expect(page).toHaveURL(`/login?next=${encodeURIComponent(`/notifications/${own.id}`)}`);
  await signInWith(page, signToken(user));
  await expect(page.getByText("for me")).toBeVisible();
  await expect(page.getByRole("navigation", { name: "Pages" }).getByRole("link")).toHaveText(["Inbox"]);
  await page.goto(`/notifications/${other.id}`);
  await expect(page.getByRole("heading", { name: "There is nothing here" })).toBeVisible();
  expect((await page.goto(WEBHOOKS))?.status()).toBe(403);
  await expect(page.getByRole("heading", { name: "You may not see this" })).toBeVisible();
});

test("of several questions one is open, which Escape and a click elsewhere leave", async ({ page, receiver }) => {
  await addWebhook(page, receiver.url);
  const questions = page.locator(".confirm[open] .confirm-box");
  await page.locator("summary", { hasText: "Delete…" }).click();
  await expect(questions).toContainText(receiver.url);
  await page.locator("summary", { hasText: "New secret…" }).click();
  await expect(questions).toHaveCount(1);
  await page.keyboard.press("Escape");
  await expect(questions).toHaveCount(0);
  await expect(page.locator("summary", { hasText: "New secret…" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(questions).toHaveCount(1);
  await page.getByRole("heading", { level: 1 }).click();
  await expect(questions).toHaveCount(0);
});

test("a question at the end of a phone's page opens in sight", async ({ api, page }) => {
  await page.setViewportSize({ width: 390, height: 600 });
  const { id } = await api.create({ content: "Disk almost full", data: { disk: "db-3", free: 0, hosts: [1, 2, 3, 4, 5, 6, 7, 8] } });
  await page.goto(`/notifications/${id}`);
  await page.locator("summary", { hasText: "Delete…" }).click();
  await expect(page.getByRole("button", { name: "Delete it" })).toBeInViewport({ ratio: 1 });
});

test.describe("far from UTC", () => {
  test.use({ timezoneId: "Asia/Kathmandu" });

  test("the page of a notification has the times of the browser's clock", async ({ api, page }) => {
    const { id, timestamp } = await api.create({ content: "Disk almost full" });
    await page.goto(`/notifications/${id}`);
    const clock = (date: Date) => new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: "Asia/Kathmandu" }).format(date);
    const exact = new RegExp(`^\\d+ \\w+ 20\\d\\d, ${clock(new Date(timestamp))}\\.\\d{3} GMT\\+5:45$`);
    await expect(page.locator("dl time").first()).toHaveText(exact);
    await expect(page.locator(".notice-head time")).toHaveAttribute("title", exact);
    await expect(page.locator(".notice-head time")).toHaveText("just now");
  });
});

test("the question before a deletion moves nothing, and the button under it deletes", async ({ api, page }) => {
  const { id } = await api.create({ content: "Disk almost full" });
  await page.goto(`/notifications/${id}`);
  const places = () => page.locator(".deeds > :is(form, a)").evaluateAll((all) => all.map((one) => one.getBoundingClientRect().top));
  const before = await places();
  await page.locator("summary", { hasText: "Delete" }).click();
  expect(await places()).toEqual(before);
  await page.getByRole("button", { name: "Delete it" }).click();
  await expect(page).toHaveURL(new RegExp(DASHBOARD));
});
