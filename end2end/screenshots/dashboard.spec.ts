import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Draft, expect, test } from "../fixture.ts";
import { program, startServer } from "../server.ts";

interface Seed extends Draft {
  /** How long ago it was sent, in minutes. */
  ago: number;
  read?: boolean;
}

/** The notifications in the pictures, the oldest first. */
const NOTIFICATIONS: Seed[] = [
  { ago: 1700, user_id: "user_42", category: "system", title: "Password changed", content: "The password of your account was changed.", read: true },
  { ago: 1500, user_id: "user_7", category: "alert", content: "Three failed sign-ins from a new device.", read: true },
  { ago: 190, user_id: "user_9", category: "billing", title: "Invoice 2026-11", content: "Your invoice over 24.00 € is ready." },
  { ago: 125, user_id: "user_123", category: "message", content: "New message from support: “Thanks for waiting, we found your parcel.”" },
  { ago: 64, user_id: "layla", category: "message", content: "مرحبا! تم شحن طلبك رقم ٧ وسيصل غدًا" },
  { ago: 47, user_id: "user_123", category: "system", title: "Planned maintenance", content: "We are away on Sunday from 02:00 to 02:20 UTC. No message is lost.", read: true },
  { ago: 21, user_id: "user_42", category: "update", title: "Version 2.4 is out", content: "Faster search, a quieter inbox, and a dark theme.", read: true },
  { ago: 4, user_id: "user_123", category: "message", content: "Your order has been shipped!" },
  { ago: 0, user_id: "user_7", category: "alert", title: "Disk almost full", content: "db-3 has 2 % left on /var. Writes stop at 0 %. See https://ops.example/disks/db-3" },
];

/** A store with these notifications, each with its age. */
async function seededStore(folder: string): Promise<string> {
  const [first, second] = ["first", "second"].map((name) => `sqlite:${join(folder, name)}.db`) as [string, string];
  const server = await startServer(["--store", first]);
  for (const { ago: _, read, ...draft } of NOTIFICATIONS) {
    const post = (path: string, method: string, body: unknown) =>
      fetch(server.url + path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    const { id } = await (await post("/api/notifications/create", "POST", draft)).json();
    if (read) await post(`/api/notifications/${id}`, "PATCH", { is_read: true });
  }
  await server.stop();
  const records = execFileSync(program, ["export", "--store", first], { encoding: "utf8" }).trimEnd().split("\n");
  const moved = records.map((line) => {
    const record = JSON.parse(line);
    const seed = NOTIFICATIONS.find(({ content }) => record.notification?.content === content);
    if (!seed) return line;
    const at = new Date(Date.now() - seed.ago * 60_000).toISOString().replace("Z", "000Z");
    return line.replaceAll(record.notification.timestamp, at);
  });
  const file = join(folder, "moved.jsonl");
  writeFileSync(file, `${moved.join("\n")}\n`);
  execFileSync(program, ["import", file, "--store", second], { stdio: "ignore" });
  return second;
}

const PICTURES = [
  { name: "dashboard-light", theme: "light", width: 1440, height: 900 },
  { name: "dashboard-dark", theme: "dark", width: 1440, height: 900 },
  { name: "dashboard-phone", theme: "light", width: 390, height: 844 },
] as const;

test("the pictures in docs/screenshots", async ({ browser }) => {
  const folder = mkdtempSync(join(tmpdir(), "campanile-"));
  const server = await startServer(["--store", await seededStore(folder)]);
  for (const { name, theme, width, height } of PICTURES) {
    const page = await browser.newPage({
      baseURL: server.url,
      viewport: { width, height },
      deviceScaleFactor: 1.5,
      colorScheme: theme,
    });
    await page.goto("/");
    await expect(page.getByText("Live", { exact: true })).toBeVisible();
    await expect(page.getByText("Disk almost full")).toBeVisible();
    const path = fileURLToPath(new URL(`../../docs/screenshots/${name}.png`, import.meta.url));
    await page.screenshot({ path, animations: "disabled" });
    await page.close();
  }
  await server.stop();
  rmSync(folder, { recursive: true });
});
