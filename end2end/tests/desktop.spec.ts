import type { Page } from "@playwright/test";
import { expect, test } from "../fixture.ts";

interface Shown {
  title: string;
  body: string;
  tag: string;
}

/** Replaces desktop notifications by a stand-in that answers the permission prompt like this. */
async function standIn(page: Page, answer: NotificationPermission): Promise<void> {
  await page.addInitScript((answer) => {
    const state = window as unknown as { shown: Shown[]; asked: number; Notification: unknown; badge: number };
    state.shown = [];
    state.asked = 0;
    class StandIn {
      static permission: NotificationPermission = "default";
      static requestPermission(): Promise<NotificationPermission> {
        state.asked += 1;
        StandIn.permission = answer;
        return Promise.resolve(answer);
      }
      onclick: unknown;
      constructor(title: string, options: NotificationOptions) {
        state.shown.push({ title, body: options.body ?? "", tag: options.tag ?? "" });
      }
    }
    state.Notification = StandIn;
    Object.defineProperty(navigator, "setAppBadge", { value: (count: number) => ((state.badge = count), Promise.reject(new Error("no app"))) });
  }, answer);
}

const shown = (page: Page) => page.evaluate(() => (window as unknown as { shown: Shown[] }).shown);
const asked = (page: Page) => page.evaluate(() => (window as unknown as { asked: number }).asked);
const badge = (page: Page) => page.evaluate(() => (window as unknown as { badge: number }).badge);

async function hide(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  }, hidden);
}

test("nothing is asked until the bell is pressed, and then what arrives unseen is shown", async ({ dashboard, api, page, user }) => {
  await standIn(page, "granted");
  await dashboard.open({ user_id: user });
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  const bell = page.getByRole("button", { name: "Desktop notifications" });
  await expect(bell).toHaveAttribute("aria-pressed", "false");
  expect(await asked(page)).toBe(0);
  await hide(page, true);
  await api.create("before");
  await expect(dashboard.row("before")).toBeVisible();
  expect(await shown(page)).toEqual([]);
  await bell.click();
  await expect(bell).toHaveAttribute("aria-pressed", "true");
  expect(await asked(page)).toBe(1);
  const { id } = await api.create({ content: "The disk is almost full.", title: "Disk" });
  await expect.poll(() => shown(page)).toEqual([{ title: "Disk", body: "The disk is almost full.", tag: id }]);
  await hide(page, false);
  await api.create("the user looks");
  await expect(dashboard.row("the user looks")).toBeVisible();
  expect((await shown(page)).length).toBe(1);
  await bell.click();
  await expect(bell).toHaveAttribute("aria-pressed", "false");
});

test("a browser that does not allow it is believed", async ({ dashboard, page, user }) => {
  await standIn(page, "denied");
  await dashboard.open({ user_id: user });
  await page.getByRole("button", { name: "Desktop notifications" }).click();
  await expect(dashboard.toasts).toContainText("The browser does not allow them.");
  await expect(page.getByRole("button", { name: "Desktop notifications" })).toHaveAttribute("aria-pressed", "false");
});

test("the icon of the app has the count", async ({ dashboard, api, page, user }) => {
  await standIn(page, "default");
  await api.create("one");
  await dashboard.open({ user_id: user });
  await expect.poll(() => badge(page)).toBe(1);
  await api.create("two");
  await expect.poll(() => badge(page)).toBe(2);
  await page.request.post(`/api/notifications/mark-all-read/${encodeURIComponent(user)}`);
  await expect.poll(() => badge(page)).toBe(0);
});
