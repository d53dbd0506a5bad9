import { ENDED_STREAM, expect, test } from "../firefox.ts";
import type { Fate } from "../gateway.ts";

const SEND = "/api/ui/send";
const SNAPSHOT = "/api/ui/snapshot";

/** Waits for what a test does meanwhile. */
function until(): { reached: Promise<void>; reach: () => void } {
  let reach = () => {};
  const reached = new Promise<void>((resolve) => (reach = resolve));
  return { reached, reach };
}

test.beforeEach(({ troubles }) => troubles.expect(ENDED_STREAM));

test("a notification whose answer is lost is sent once, and the list says so", async ({ api, gateway, tab, user }) => {
  gateway.decide = (path): Fate => (path === SEND ? "is lost" : "passes");
  await tab.open({ user_id: user }, gateway.url);
  await tab.send(user, "once");
  await expect.poll(() => tab.titles()).toEqual(["once"]);
  await expect.poll(() => tab.shown(".toasts p")).toEqual([`Sent to ${user}.`]);
  expect(await tab.page.$eval("#text", (text) => (text as HTMLTextAreaElement).value)).toBe("");
  expect(await api.list()).toHaveLength(1);
});

test("where no list confirms it, sending again sends it once", async ({ api, gateway, tab, user }) => {
  let loses = true;
  gateway.decide = (path): Fate => (path === SEND && loses ? "is lost" : "passes");
  await tab.open({ user_id: `${user}-other` }, gateway.url);
  await tab.send(user, "once");
  await expect.poll(() => tab.shown('#compose [role="alert"]')).toEqual([expect.stringContaining("Not confirmed.")]);
  loses = false;
  await tab.chord("Control", "Enter");
  await expect.poll(() => tab.shown(".toasts p")).toEqual([`Sent to ${user}.`]);
  expect(await api.list()).toHaveLength(1);
});

test("a refresh that fails is said once, and is tried again every five seconds", async ({ api, gateway, tab, user }) => {
  test.slow();
  let works = true;
  gateway.decide = (path): Fate => (works || path !== SNAPSHOT ? "passes" : "fails");
  await api.create("stays");
  await tab.open({ user_id: user }, gateway.url);
  works = false;
  await expect.poll(() => tab.shown(".freshness"), { timeout: 20_000 }).toEqual(["Not updating"]);
  expect(await tab.shown(".banner p")).toEqual([expect.stringMatching(/^Can't reach the server\./)]);
  expect(await tab.titles()).toEqual(["stays"]);
  works = true;
  await api.create("came back");
  await expect.poll(() => tab.titles(), { timeout: 12_000 }).toEqual(["came back", "stays"]);
  expect(await tab.shown(".freshness")).toEqual(["Updates every 5 s"]);
});

test("what takes its time is shown to do so, and no count is claimed before it is known", async ({ api, gateway, tab, user }) => {
  await api.createMany(3, "note");
  await api.create({ user_id: `${user}-2`, content: "theirs" });
  await tab.open({ user_id: `${user}-2` }, gateway.url);
  const answered = until();
  gateway.decide = async (path): Promise<Fate> => {
    if (path === SNAPSHOT) await answered.reached;
    return "passes";
  };
  await tab.page.locator(".inboxes a").click();
  await expect.poll(() => tab.count("#list.waited")).toBe(1);
  expect(await tab.shown(".badge")).toEqual([]);
  answered.reach();
  await expect.poll(() => tab.shown(".badge")).toEqual(["4 unread"]);
  await expect.poll(() => tab.count("#list.waited")).toBe(0);
});

test("without WebAssembly the page claims nothing, and its form sends and keeps what was refused", async ({ api, gateway, tab, troubles, user }) => {
  troubles.expect(/wasm|NetworkError|Loading failed/i);
  gateway.decide = (path): Fate => (path.endsWith(".wasm") ? "fails" : "passes");
  await api.create("there");
  await tab.goto({ user_id: user }, gateway.url);
  expect(await tab.titles()).toEqual(["there"]);
  expect(await tab.shown(".freshness")).toEqual([]);
  // The browser itself refuses an empty text; a blank one is refused by the server.
  await tab.type("#text", "   ");
  await Promise.all([tab.page.waitForNavigation(), tab.page.click('#compose button[type="submit"]')]);
  await expect.poll(() => tab.page.$eval("#text", (text) => text.getAttribute("aria-invalid"))).toBe("true");
  await tab.type("#text", "sent");
  await Promise.all([tab.page.waitForNavigation(), tab.page.click('#compose button[type="submit"]')]);
  await expect.poll(() => tab.titles()).toEqual(["sent", "there"]);
});
