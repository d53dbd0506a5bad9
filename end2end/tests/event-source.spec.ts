import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DASHBOARD, expect, test } from "../fixture.ts";
import { startServer } from "../server.ts";

interface Told {
  type: string;
  modseq: number;
  id: string;
}

test("a browser's EventSource goes on by itself after the server was restarted", async ({ page, troubles, user }) => {
  troubles.expect(/WebSocket connection|net::ERR_|status of 50|EventSource/);
  const folder = mkdtempSync(join(tmpdir(), "campanile-"));
  const store = ["--store", `sqlite:${join(folder, "campanile.db")}`];
  const first = await startServer(store);
  const create = (url: string, content: string) => page.request.post(`${url}/api/notifications/create`, { data: { user_id: user, content } });
  await page.goto(`${first.url}${DASHBOARD}?user_id=nobody`);
  await page.evaluate((user) => {
    const told: Told[] = [];
    (window as unknown as { told: Told[] }).told = told;
    const source = new EventSource(`/api/notifications/stream/${encodeURIComponent(user)}`);
    source.onmessage = (event) => told.push({ ...JSON.parse(event.data), id: event.lastEventId });
  }, user);
  const told = async () => {
    const all = await page.evaluate(() => (window as unknown as { told: Told[] }).told);
    for (const event of all) expect(event.id).toBe(String(event.modseq));
    return all.map(({ type, modseq }) => `${type} ${modseq}`);
  };
  await expect.poll(told).toEqual(["hello 0"]);
  await create(first.url, "one");
  await expect.poll(told).toEqual(["hello 0", "created 1"]);
  await first.stop();
  const second = await startServer([...store, "--listen", `127.0.0.1:${new URL(first.url).port}`]);
  await create(second.url, "two");
  // The server set the time to reconnect: within five seconds. Missed changes come before the greeting.
  await expect.poll(told, { timeout: 15_000 }).toEqual(["hello 0", "created 1", "created 2", "hello 2"]);
  await create(second.url, "three");
  await expect.poll(told).toEqual(["hello 0", "created 1", "created 2", "hello 2", "created 3"]);
  await second.stop();
  rmSync(folder, { recursive: true });
});
