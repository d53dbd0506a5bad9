// Opens the page of the shop of docs/clients.md, and waits for what was sent to its user.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../end2end/package.json", import.meta.url))("@playwright/test");

const candidates = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = candidates.find((path) => path && existsSync(path));
const args = ["--disable-background-networking", "--disable-component-update", "--disable-gpu", "--disable-sync"];
if (process.getuid?.() === 0) args.push("--no-sandbox");

const browser = await chromium.launch({ args, ...(executablePath ? { executablePath } : {}) });
try {
  const page = await browser.newPage();
  await page.goto(process.argv[2]);
  await page.getByRole("listitem").filter({ hasText: "Seen in a browser" }).waitFor({ timeout: 10_000 });
} finally {
  await browser.close();
}
