import { AxeBuilder } from "@axe-core/playwright";
import { type APIRequestContext, type Locator, type Page, test as base, expect } from "@playwright/test";
import { type Server, startServer } from "./server.ts";

export { expect };

/** The path of the dashboard. */
export const DASHBOARD = "/api/ui-dashboard/notifications-dashboard-ui";

/** What is measured, once it is the same twice: headings, and the estimated heights of rows, settle while the page is drawn. */
export async function settled(measure: () => Promise<number>): Promise<number> {
  let present = Number.NaN;
  await expect
    .poll(async () => {
      const before = present;
      present = await measure();
      return present - before;
    })
    .toBe(0);
  return present;
}

/** Prevents the page from connecting, so that it polls every five seconds. */
export async function withoutLive(page: Page): Promise<void> {
  await page.routeWebSocket(/\/ws/, (socket) => void socket.close({ code: 1008 }));
}

/** The fields of a notification to send. */
export interface Draft {
  user_id?: string;
  content: string;
  category?: string;
  title?: string;
  link?: string;
  data?: object;
}

/** A notification in a response of the API. */
export interface Notification extends Required<Pick<Draft, "user_id" | "content" | "category">> {
  id: string;
  timestamp: string;
  is_read: boolean;
}

/** The REST API, to prepare a test's data and to check the results. */
export class Api {
  constructor(
    private readonly request: APIRequestContext,
    private readonly user: string,
  ) {}

  async create(draft: Draft | string): Promise<Notification> {
    const data = { user_id: this.user, ...(typeof draft === "string" ? { content: draft } : draft) };
    const answer = await this.request.post("/api/notifications/create", { data });
    expect(answer.status(), await answer.text()).toBe(201);
    return answer.json();
  }

  /** Sends this many, in one batch: `text 1` is the oldest. */
  async createMany(count: number, text: string, category = "message"): Promise<void> {
    const content = (n: number) => `${text} ${n + 1}`;
    const notifications = Array.from({ length: count }, (_, n) => ({ user_id: this.user, content: content(n), category }));
    const answer = await this.request.post("/api/notifications/batch", { data: { notifications } });
    expect(answer.ok(), await answer.text()).toBe(true);
  }

  async list(user = this.user): Promise<Notification[]> {
    const answer = await this.request.get("/api/notifications/list", { params: { user_id: user, limit: 1000 } });
    return answer.json();
  }

  async setRead(id: string, is_read = true): Promise<void> {
    const answer = await this.request.patch(`/api/notifications/${id}`, { data: { is_read } });
    expect(answer.ok()).toBe(true);
  }
}

/** The dashboard as a person uses it. */
export class Dashboard {
  readonly heading: Locator;
  readonly badge: Locator;
  readonly list: Locator;
  readonly filters: Locator;
  readonly composer: Locator;
  readonly toasts: Locator;

  constructor(readonly page: Page) {
    this.heading = page.getByRole("heading", { level: 1 });
    this.badge = page.getByRole("main").getByText(/^[\d,]+ unread$/);
    this.list = page.getByRole("list", { name: "Notifications" });
    this.filters = page.getByRole("navigation", { name: "Filters" });
    // A column, or a dialog where it opens from "New".
    this.composer = page.locator("#compose");
    this.toasts = page.getByRole("status").filter({ has: page.getByRole("button", { name: "Dismiss" }) });
  }

  /** Opens the page, and waits until it is hydrated. */
  async open(query: Record<string, string> = {}): Promise<void> {
    const search = new URLSearchParams(query).toString();
    await this.page.goto(search ? `${DASHBOARD}?${search}` : DASHBOARD);
    await this.hydrated();
  }

  async hydrated(): Promise<void> {
    await expect(this.page.locator("html")).toHaveAttribute("data-hydrated", "");
  }

  /** The visible notifications, without the headings of the days between them. */
  get rows(): Locator {
    return this.list.getByRole("listitem").filter({ has: this.page.getByRole("time") });
  }

  /** The notification that contains this text. */
  row(text: string): Locator {
    return this.rows.filter({ has: this.page.getByText(text, { exact: true }) });
  }

  async mark(text: string, as: "read" | "unread" = "read"): Promise<void> {
    const row = this.row(text);
    await row.hover();
    await row.getByRole("button", { name: new RegExp(`^Mark as ${as}: `) }).click();
  }

  async delete(text: string): Promise<void> {
    const row = this.row(text);
    await row.hover();
    await row.getByRole("button", { name: /^Delete: / }).click();
  }

  async expectRead(text: string): Promise<void> {
    await expect(this.row(text).getByText("Read", { exact: true })).toBeAttached();
  }

  async expectUnread(text: string): Promise<void> {
    await expect(this.row(text).getByText("Unread", { exact: true })).toBeAttached();
  }

  /** Fills in the form and submits it. */
  async send(user: string, content: string, kind?: string): Promise<void> {
    await this.composer.getByLabel("To", { exact: true }).fill(user);
    if (kind) await this.composer.getByRole("radio", { name: kind }).check({ force: true });
    await this.composer.getByLabel("Text", { exact: true }).fill(content);
    await this.composer.getByRole("button", { name: "Send", exact: true }).click();
  }
}

/** Errors in the browser, and the errors that a test expects. */
export class Troubles {
  private readonly seen: string[] = [];
  private readonly expected: RegExp[] = [];

  note(trouble: string): void {
    this.seen.push(trouble);
  }

  /** Expects matching errors: a test in which the server refuses a request causes an error in the console. */
  expect(pattern: RegExp): void {
    this.expected.push(pattern);
  }

  unexpected(): string[] {
    return this.seen.filter((trouble) => !this.expected.some((pattern) => pattern.test(trouble)));
  }
}

/** An error response in Campanile's format. */
export function refusal(status: number, code: string, detail: string, errors: { field: string; message: string }[] = [], more = {}) {
  const body = JSON.stringify({ type: "about:blank", title: "Refused", status, detail, code, errors, ...more });
  return { status, contentType: "application/problem+json", body };
}

/** The console's line about an error response that the test itself created. */
export const REFUSED = /console error: Failed to load resource: the server responded with a status of/;

interface Fixtures {
  /** Further arguments for the server of this test. */
  serverArgs: string[];
  server: Server;
  /** A user id that only this test uses. */
  user: string;
  api: Api;
  troubles: Troubles;
  dashboard: Dashboard;
  /** Fails when axe finds a problem on the page in its present state. */
  expectAccessible: (page?: Page) => Promise<void>;
}

/**
 * Whether a target is too small where nothing covers it: axe measures what is visible, and a head that stays may cover
 * a part of a target until the user scrolls on.
 */
async function isSmall(page: Page, selector: string): Promise<boolean> {
  await page.locator(selector).evaluate((element) => element.scrollIntoView({ block: "center" }));
  const { violations } = await new AxeBuilder({ page }).include(selector).withRules(["target-size"]).analyze();
  return violations.length > 0;
}

export const test = base.extend<Fixtures>({
  serverArgs: [[], { option: true }],

  server: async ({ serverArgs }, use, info) => {
    const server = await startServer(serverArgs);
    await use(server);
    await server.stop();
    if (info.status !== info.expectedStatus) await info.attach("server.log", { body: server.log() });
  },

  baseURL: async ({ server }, use) => use(server.url),

  user: async ({}, use, info) => use(`user-${info.workerIndex}-${info.testId.slice(-8)}`),

  api: async ({ request, user }, use) => use(new Api(request, user)),

  troubles: async ({}, use) => use(new Troubles()),

  // Every page of every test is watched: an error in the console or a missing file reveals a broken hydration, a
  // violated Content-Security-Policy or a panic.
  context: async ({ context, troubles }, use) => {
    context.on("console", (message) => {
      // The page closes a connection that it no longer needs before it is established: Chromium itself logs this.
      const isOurs = !message.text().includes("WebSocket is closed before the connection is established");
      if (isOurs && (message.type() === "error" || message.type() === "warning"))
        troubles.note(`console ${message.type()}: ${message.text()} (${message.location().url})`);
    });
    context.on("weberror", (error) => troubles.note(`page error: ${error.error().stack ?? error.error()}`));
    context.on("response", (response) => {
      if (response.status() >= 400 && new URL(response.url()).pathname.startsWith("/pkg/"))
        troubles.note(`${response.status()} for ${response.url()}`);
    });
    context.on("requestfailed", (request) => {
      const why = request.failure()?.errorText ?? "";
      if (new URL(request.url()).pathname.startsWith("/pkg/") && why !== "net::ERR_ABORTED")
        troubles.note(`${why} for ${request.url()}`);
    });
    await use(context);
    expect(troubles.unexpected(), "what went wrong in the browser").toEqual([]);
  },

  dashboard: async ({ page }, use) => use(new Dashboard(page)),

  expectAccessible: async ({ page }, use) => {
    await use(async (other = page) => {
      // During an animation, elements do not have their final colours yet.
      await other.evaluate(() => {
        const ends = ({ effect }: Animation) => Number.isFinite(effect?.getComputedTiming().endTime);
        const all = document.getAnimations().filter(ends).map((animation) => animation.finished.catch(() => {}));
        // An animation whose element is removed may never report its end.
        return Promise.race([Promise.all(all), new Promise((resolve) => setTimeout(resolve, 2_000))]);
      });
      const { violations } = await new AxeBuilder({ page: other })
        .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
        .analyze();
      const found: string[] = [];
      for (const { id, help, nodes } of violations)
        for (const { html, target } of nodes)
          if (id !== "target-size" || (await isSmall(other, String(target)))) found.push(`${id}: ${help}: ${html}`);
      expect(found).toEqual([]);
    });
  },
});
