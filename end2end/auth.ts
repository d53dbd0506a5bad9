import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { Api, expect, test as base } from "./fixture.ts";
import { program } from "./server.ts";

export { expect };

/** The secret that verifies users' tokens on the server of these tests. */
const JWT_SECRET = "a secret of the browser tests, which no other server knows";
const AUDIENCE = "campanile";

/** Creates a key like an operator on the server. */
function createKey(store: string, name: string, scopes: string): string {
  const run = (...command: string[]): string =>
    execFileSync(program, [...command, "--store", store], { env: { PATH: process.env["PATH"] }, encoding: "utf8" });
  run("migrate");
  const out = run("key", "create", name, "--scopes", scopes);
  const key = /\bcmp_[\w-]+/.exec(out)?.[0];
  if (!key) throw new Error(`there is no key in what "campanile key create" says:\n${out}`);
  return key;
}

/** A user's token as an application signs it (RFC 7519, HS256), valid for this many seconds. */
export function signToken(user: string, seconds = 3_600): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const now = Math.floor(Date.now() / 1_000);
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ sub: user, aud: AUDIENCE, iat: now, exp: now + seconds })}`;
  return `${signed}.${createHmac("sha256", JWT_SECRET).update(signed).digest("base64url")}`;
}

/** Fills in the form of the login page, and submits it. */
export async function signInWith(page: Page, secret: string): Promise<void> {
  await page.getByLabel("Key or token").fill(secret);
  await page.getByRole("button", { name: "Sign in" }).click();
}

interface AuthFixtures {
  /** The store of the server of this test. */
  store: string;
  /** A key that may do everything. */
  key: string;
  /** A key that may only read. */
  readKey: string;
  /** Further arguments for the server of this test. */
  moreArgs: string[];
}

/** The same as the other tests, on a server with authentication. */
export const test = base.extend<AuthFixtures>({
  moreArgs: [[], { option: true }],

  store: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), "campanile-end2end-"));
    await use(`sqlite:${join(folder, "campanile.db")}`);
    rmSync(folder, { recursive: true, force: true });
  },

  key: async ({ store }, use) => use(createKey(store, "browser", "admin")),

  readKey: async ({ store }, use) => use(createKey(store, "reader", "read")),

  // The keys are created before the server opens the file.
  serverArgs: async ({ store, key, readKey, moreArgs }, use) => {
    expect(key).not.toBe(readKey);
    await use([
      ...["--store", store, "--auth", "on", "--jwt-secret", JWT_SECRET, "--jwt-audience", AUDIENCE, "--jwt-leeway", "0"],
      ...moreArgs,
    ]);
  },

  // With a key and without cookies: a signed-in browser counts as another caller.
  api: async ({ playwright, server, key, user }, use) => {
    const request = await playwright.request.newContext({
      baseURL: server.url,
      extraHTTPHeaders: { authorization: `Bearer ${key}` },
    });
    await use(new Api(request, user));
    await request.dispose();
  },
});
