// Follows like two pages, through a restart of the server: the page of the shop in docs/clients.md, and the WebSocket
// of docs/streams.md, whose code is in a file. Prints `hello` when both have received the first notifications, and
// `created` when both have received the next one, once.
//
//     browser.mjs URL-OF-THE-SHOP FILE

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../end2end/package.json", import.meta.url))("@playwright/test");
const [shop, file] = process.argv.slice(2);
const { NOTIFY_URL, NOTIFY_KEY } = process.env;

const candidates = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = candidates.find((path) => path && existsSync(path));
const args = ["--disable-background-networking", "--disable-component-update", "--disable-gpu", "--disable-sync"];
if (process.getuid?.() === 0) args.push("--no-sandbox");

const browser = await chromium.launch({ args, ...(executablePath ? { executablePath } : {}) });
try {
  const page = await browser.newPage();
  await page.goto(shop);

  // The functions that docs/streams.md leaves to the page.
  const other = await browser.newPage();
  await other.goto(`${shop}ticket`);
  await other.evaluate(([url, key]) => {
    window.shown = [];
    window.reloads = 0;
    window.reload = async () => {
      window.reloads += 1;
      const headers = { Authorization: `Bearer ${key}` };
      return Number((await fetch(`${url}/api/notifications/list?user_id=eve`, { headers })).headers.get("Campanile-Modseq"));
    };
    window.newTicket = async () => (await (await fetch("/ticket")).json()).ticket;
    window.show = (event) => window.shown.push(event.notification.content);
  }, [NOTIFY_URL, NOTIFY_KEY]);
  const connected = other.waitForEvent("websocket").then((socket) => socket.waitForEvent("framereceived"));
  await other.addScriptTag({ content: `${readFileSync(file, "utf8")}\nfollow();` });

  const item = (text) => page.getByRole("listitem").filter({ hasText: text });
  await item("Seen in a browser").waitFor({ timeout: 10_000 });
  await connected;
  console.log("hello");

  await item("Seen after a restart").waitFor({ timeout: 30_000 });
  await other.waitForFunction(() => window.shown.length > 0, undefined, { timeout: 30_000 });
  const seen = { items: await page.getByRole("listitem").count(), ...(await other.evaluate(() => ({ shown, reloads }))) };
  if (seen.items !== 2 || seen.shown.join() !== "Seen after a restart" || seen.reloads !== 1) throw new Error(JSON.stringify(seen));
  console.log("created");
} finally {
  await browser.close();
}
