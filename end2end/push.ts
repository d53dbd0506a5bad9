/** What the tests of Web Push share: a browser with a push service, and the page on which a user turns push on. */

import { createECDH, randomBytes } from "node:crypto";
import type { BrowserContext, Page } from "@playwright/test";
import { expect, test as base } from "./fixture.ts";

/** The addresses of the tests' push services: no push is sent there, but the server checks the addresses. */
export const PUSH = ["--push-contact", "mailto:test@example.com", "--webhook-allow", "127.0.0.0/8"];
export const TURN_ON = "Turn on push for this browser";
export const TURN_OFF = "Turn it off for this browser";

export function publicKey(): Buffer {
  const pair = createECDH("prime256v1");
  return pair.generateKeys();
}

/**
 * Adds a push service to every page: Chromium has none here. A page's subscription is stored like in a browser, and its
 * calls are recorded.
 */
export async function withPushService(context: BrowserContext, script = ""): Promise<void> {
  const made = { p256dh: publicKey().toString("base64url"), auth: randomBytes(16).toString("base64url") };
  await context.addInitScript(
    ({ made, script }) => {
      const asked: string[] = [];
      const seen = { asked, looks: 0 };
      Object.assign(window, { seen });
      const note = <T extends object>(on: T, name: keyof T & string) => {
        const real = on[name] as (...all: unknown[]) => unknown;
        on[name] = function (this: unknown, ...all: unknown[]) {
          asked.push(name);
          return real.apply(this, all);
        } as T[keyof T & string];
      };
      // A browser's first page has none of these.
      if (!isSecureContext) return;
      const KEPT = "the browser's subscription";
      const bytes = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
      const subscription = () => {
        const kept = JSON.parse(localStorage.getItem(KEPT) ?? "null");
        return kept && {
          endpoint: kept.endpoint,
          options: { userVisibleOnly: true, applicationServerKey: bytes(kept.key) },
          toJSON: () => ({ endpoint: kept.endpoint, expirationTime: null, keys: made }),
          unsubscribe: async () => {
            asked.push("unsubscribe");
            localStorage.removeItem(KEPT);
            return true;
          },
        };
      };
      PushManager.prototype.getSubscription = async () => subscription();
      PushManager.prototype.subscribe = async (options) => {
        const key = btoa(String.fromCharCode(...new Uint8Array(options?.applicationServerKey as ArrayBuffer)));
        const kept = JSON.parse(localStorage.getItem(KEPT) ?? "null");
        if (kept && kept.key !== key) throw new DOMException("another key", "InvalidStateError");
        if (!kept) localStorage.setItem(KEPT, JSON.stringify({ endpoint: `http://127.0.0.1:9/push/${crypto.randomUUID()}`, key }));
        return subscription();
      };
      const { getRegistration } = ServiceWorkerContainer.prototype;
      ServiceWorkerContainer.prototype.getRegistration = async function (...all) {
        const found = await getRegistration.apply(this, all);
        seen.looks += 1;
        return found;
      };
      note(PushManager.prototype, "subscribe");
      note(ServiceWorkerContainer.prototype, "register");
      note(Notification, "requestPermission");
      new Function(script)();
    },
    { made, script },
  );
}

/** The page's calls of the browser, and how often it read the browser's state. */
export const seen = (page: Page) => page.evaluate(() => (window as unknown as { seen: { asked: string[]; looks: number } }).seen);
export const asked = async (page: Page) => (await seen(page)).asked;

/** Waits until a page has read the state twice, for itself and for the server: its automatic steps are then done. */
export const settled = (page: Page) => expect.poll(async () => (await seen(page)).looks).toBe(2);

export interface Fixtures {
  path: string;
  /** The value in place of the server's key for pushes, if it is not the real one. */
  key: { now?: string };
  /** The requests that add or remove contacts. */
  told: string[];
}

export const test = base.extend<Fixtures>({
  serverArgs: async ({}, use) => use(PUSH),
  path: async ({ user }, use) => use(`/notify-me?user_id=${user}`),
  key: async ({}, use) => use({}),
  told: [
    async ({ context }, use) => {
      const told: string[] = [];
      context.on("request", (request) => {
        if (request.method() !== "GET" && request.url().includes("/api/contacts/")) told.push(request.method());
      });
      await use(told);
    },
    { auto: true },
  ],
  context: async ({ context, key }, use) => {
    await context.route("**/api/push/key", (route) => (key.now ? route.fulfill({ json: { key: key.now } }) : route.continue()));
    await use(context);
  },
});

export const group = (page: Page) => page.getByRole("group", { name: "Push to this browser" });
export const status = (page: Page) => group(page).getByRole("status");
export const contacts = (page: Page) => page.locator("#contacts").getByRole("listitem");

export async function turnOn(page: Page): Promise<void> {
  await group(page).getByRole("button", { name: TURN_ON }).click();
  await expect(status(page)).toContainText("On");
  await expect(group(page).getByRole("button", { name: TURN_OFF })).toBeVisible();
}

/** The contacts of a user on the server. */
export async function reached(page: Page, user: string): Promise<{ id: string; channel: string; address: string; label?: string }[]> {
  return (await page.request.get(`/api/contacts/${user}`)).json();
}
