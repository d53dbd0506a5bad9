import { existsSync } from "node:fs";
import puppeteer, { type Browser, type KeyInput, type Page } from "puppeteer-core";
import { DASHBOARD, expect, test as base } from "./fixture.ts";
import { type Gateway, startGateway } from "./gateway.ts";

export { expect };

// Playwright drives only a Firefox of its own, so this one is driven by WebDriver BiDi.
const program = [process.env["FIREFOX"], "/usr/bin/firefox-esr", "/usr/bin/firefox"].find((path) => path && existsSync(path));

/** Without a display, Firefox has no pointer that can hover. */
const WITH_A_MOUSE = { "ui.primaryPointerCapabilities": 6, "ui.allPointerCapabilities": 6 };

/** Firefox's message about a live stream that is refused or ends, which no page can prevent. */
export const ENDED_STREAM = /can.t establish a connection to the server at ws:|connection to ws:.* was interrupted/;

/** A selector of what a screen reader finds by this role and name. */
export const named = (role: string, name: string) => `::-p-aria([role="${role}"][name="${name}"])`;

/** A tab of Firefox with the dashboard in it. */
export class Tab {
  constructor(
    readonly page: Page,
    private readonly server: string,
  ) {}

  /** Opens the dashboard, of this server or behind this gateway. */
  async goto(query: Record<string, string> = {}, at = this.server): Promise<void> {
    await this.page.goto(`${at}${DASHBOARD}?${new URLSearchParams(query)}`);
  }

  /** The same, and waits until it is hydrated. */
  async open(query: Record<string, string> = {}, at = this.server): Promise<void> {
    await this.goto(query, at);
    await this.hydrated();
  }

  async hydrated(): Promise<void> {
    await this.page.waitForSelector("html[data-hydrated]");
  }

  async live(): Promise<void> {
    await this.page.waitForSelector('[data-state="live"]');
  }

  /** The texts of the elements that can be seen. */
  shown(selector: string): Promise<string[]> {
    return this.page.$$eval(selector, (all) =>
      all.filter((one) => one.checkVisibility({ visibilityProperty: true })).map((one) => (one as HTMLElement).innerText.trim().replace(/\s+/g, " ")),
    );
  }

  /** The texts of the rows, from the top; also of those that are scrolled out of sight, which Firefox does not draw. */
  titles(): Promise<string[]> {
    return this.page.$$eval("li.row .row-text", (all) => all.map(({ textContent }) => textContent.trim()));
  }

  count(selector: string): Promise<number> {
    return this.page.$$eval(selector, (all) => all.length);
  }

  /** The text of the element that has the focus. */
  focused(): Promise<string | null | undefined> {
    return this.page.evaluate(() => document.activeElement?.textContent);
  }

  async press(...keys: KeyInput[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** Presses a key while another one is held. */
  async chord(held: KeyInput, key: KeyInput): Promise<void> {
    await this.page.keyboard.down(held);
    await this.page.keyboard.press(key);
    await this.page.keyboard.up(held);
  }

  /** Clicks what a screen reader finds by this role and name. */
  async click(role: string, name: string): Promise<void> {
    await this.page.locator(named(role, name)).click();
  }

  /** Types into a field, in place of what is there. */
  async type(field: string, text: string): Promise<void> {
    await this.page.locator(field).click();
    await this.chord("Control", "a");
    await this.press("Backspace");
    await this.page.keyboard.type(text);
  }

  /** Fills in the form and submits it. */
  async send(user: string, text: string): Promise<void> {
    await this.type("#to", user);
    await this.type("#text", text);
    await this.chord("Control", "Enter");
  }
}

interface OfWorker {
  /** Settings of Firefox, by their names in about:config. */
  prefs: Record<string, unknown>;
  /** One Firefox for all tests of a worker, because it takes seconds to start; none where it is not installed. */
  firefox: Browser | undefined;
}

interface OfTest {
  /** A tab with its own cookies and storage. */
  tab: Tab;
  gateway: Gateway;
}

export const test = base.extend<OfTest, OfWorker>({
  prefs: [{}, { scope: "worker", option: true }],

  firefox: [
    async ({ prefs }, use) => {
      const extraPrefsFirefox = { ...WITH_A_MOUSE, ...prefs };
      const launch = (executablePath: string) => puppeteer.launch({ browser: "firefox", executablePath, extraPrefsFirefox });
      const browser = program ? await launch(program) : undefined;
      await use(browser);
      await browser?.close();
    },
    // A busy machine starts it slowly.
    { scope: "worker", timeout: 120_000 },
  ],

  gateway: async ({ server }, use) => {
    const gateway = await startGateway(server.url);
    await use(gateway);
    gateway.stop();
  },

  // As in Chromium, the console stays empty but for what a test expects.
  tab: async ({ firefox, server, troubles }, use, info) => {
    info.skip(!firefox, "Firefox is not installed: apt install firefox-esr");
    const context = await firefox!.createBrowserContext();
    const page = await context.newPage();
    page.on("console", (message) => ["error", "warn"].includes(message.type()) && troubles.note(message.text()));
    page.on("pageerror", (error) => troubles.note(String(error)));
    await page.setViewport({ width: 1440, height: 900 });
    await use(new Tab(page, server.url));
    if (info.status !== info.expectedStatus) {
      await info.attach("firefox.png", { body: Buffer.from(await page.screenshot()), contentType: "image/png" });
    }
    await context.close();
    expect(troubles.unexpected(), "what went wrong in Firefox").toEqual([]);
  },
});
