import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import { DASHBOARD, expect, REFUSED, test, withoutLive } from "../fixture.ts";

const choice = (page: Page) => page.getByRole("combobox", { name: /Language|Sprache/ });

test("an English browser gets English, whatever else it reads", async ({ page, dashboard }) => {
  await dashboard.open();
  await expect(page.locator("html")).toHaveAttribute("lang", "en");
  await expect(dashboard.heading).toHaveText("All inboxes");
  await expect(choice(page).locator("option")).toHaveText(["System", "English", "Deutsch"]);
  await expect(choice(page)).toHaveValue("");
});

test("the choice is kept, and given up again", async ({ page, dashboard }) => {
  await dashboard.open({ unread: "true" });
  await choice(page).selectOption("Deutsch");
  await expect(dashboard.heading).toHaveText("Alle Postfächer");
  await dashboard.hydrated();
  expect(new URL(page.url()).search).toBe("?unread=true");
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await expect(choice(page)).toHaveValue("de");
  await choice(page).selectOption("System");
  await expect(dashboard.heading).toHaveText("All inboxes");
  await expect(choice(page)).toHaveValue("");
});

test.describe("a server in German", () => {
  test.use({ serverArgs: ["--language", "de"] });

  test("is so for every browser, unless the user chooses", async ({ page, dashboard }) => {
    await dashboard.open();
    await expect(dashboard.heading).toHaveText("Alle Postfächer");
    await choice(page).selectOption("English");
    await expect(dashboard.heading).toHaveText("All inboxes");
  });
});

test.describe("a German browser", () => {
  test.use({ locale: "de-AT" });

  test("gets German, and numbers and dates in German", async ({ page, dashboard, api, user, expectAccessible }) => {
    await api.createMany(999, "Zeile");
    await api.createMany(1, "Zeile");
    await api.create({ content: "Plattenplatz knapp", category: "alert", title: "db-3" });
    const answer = await page.request.get(`${DASHBOARD}?user_id=${user}`, { headers: { "accept-language": "de-AT,de;q=0.9" } });
    expect(answer.headers()).toMatchObject({ "content-language": "de" });
    expect(answer.headers()["vary"]).toContain("accept-language");
    await dashboard.open({ user_id: user });
    await expect(page.locator("html")).toHaveAttribute("lang", "de");
    await expect(page.getByRole("main").getByText("1.000 ungelesen")).toBeVisible();
    const row = page.getByRole("listitem").filter({ hasText: "Plattenplatz knapp" });
    await expect(row.getByRole("time")).toHaveText("jetzt");
    await expect(row.getByRole("time")).toHaveAttribute("title", /^\d+\. \S+ \d{4}, \d\d:\d\d:\d\d,\d{6} \+0[12]:00$/);
    await expect(page.getByRole("heading", { name: "Heute" })).toBeVisible();
    await expectAccessible();
  });

  test("marks, deletes and undoes in German", async ({ page, api, user, dashboard }) => {
    for (const text of ["eins", "zwei", "drei"]) await api.create(text);
    await dashboard.open({ user_id: user });
    const row = (text: string) => page.getByRole("listitem").filter({ hasText: text });
    const press = async (text: string, name: RegExp) => {
      await row(text).hover();
      await row(text).getByRole("button", { name }).click();
    };
    await press("eins", /^Als gelesen markieren: eins, für /);
    await expect(row("eins").getByText("Gelesen", { exact: true })).toBeAttached();
    await press("eins", /^Löschen: /);
    await press("zwei", /^Löschen: /);
    const toasts = page.locator("#toasts");
    await expect(toasts).toContainText("2 gelöscht.");
    await toasts.getByRole("button", { name: "Rückgängig" }).click();
    await expect(row("zwei")).toBeVisible();
    await page.getByRole("button", { name: "Alle gelesen" }).click();
    await expect(toasts).toContainText("2 als gelesen markiert.");
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await expect(page.getByRole("group", { name: "Auswahl" })).toContainText("1 ausgewählt");
  });

  test("a form with mistakes, and empty pages, are in German", async ({ page, dashboard, user, expectAccessible }) => {
    await dashboard.open({ user_id: user, category: "alert", unread: "true", q: "disk" });
    await expect(page.getByText(`Es gibt nichts Ungelesenes in der Kategorie „alert“ mit „disk“ für ${user}.`)).toBeVisible();
    await page.getByLabel("Text", { exact: true }).fill("   ");
    await page.getByRole("button", { name: "Senden", exact: true }).click();
    await expect(page.getByLabel("Text", { exact: true })).toHaveAccessibleDescription(/^Schreibe etwas: 1 bis 16\.384 Zeichen/);
    await expectAccessible();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Tastenkürzel" }).click();
    await expect(page.getByRole("dialog", { name: "Tastenkürzel" })).toContainText("Nächste Benachrichtigung");
    await expectAccessible();
  });

  test("says in German that the server is gone", async ({ page, dashboard, api, user, troubles }) => {
    troubles.expect(/net::ERR_FAILED/);
    await withoutLive(page);
    await api.create("note");
    await page.clock.install();
    await dashboard.open({ user_id: user });
    await page.route("**/api/ui/**", (route) => route.abort());
    await page.clock.runFor(6_000);
    await expect(page.getByText("Der Server ist nicht erreichbar.")).toBeVisible();
    await expect(page.getByRole("button", { name: "Erneut versuchen" })).toBeVisible();
  });

  test("hydrates into what the server has rendered", async ({ page, dashboard, api, user }) => {
    await api.create({ content: "x", title: "Titel", category: "update" });
    await dashboard.open({ user_id: user });
    const [rendered, shown] = await page.evaluate(async () => {
      const texts = (root: Document) => {
        const all = root.createTreeWalker(root.body, NodeFilter.SHOW_TEXT);
        const found: string[] = [];
        while (all.nextNode()) {
          const { parentElement, textContent } = all.currentNode;
          // Times become local, the command gets this origin, and only the script knows how the page is kept up to date, and the time zone.
          if (!parentElement?.closest("script, noscript, time, code, .freshness, #expires-zone")) found.push(textContent?.trim() ?? "");
        }
        return found.filter(Boolean);
      };
      const answer = await fetch(location.href);
      return [texts(new DOMParser().parseFromString(await answer.text(), "text/html")), texts(document)];
    });
    expect(shown).toEqual(rendered);
    expect(shown).toContain("Benachrichtigung senden");
  });
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false, locale: "de-AT" });

  test("the page is in German, and so is a refusal", async ({ page, troubles, user }) => {
    troubles.expect(/^csp for \S+\/pkg\/\S+\.js$/);
    troubles.expect(REFUSED);
    await page.goto(DASHBOARD);
    await expect(page.locator("html")).toHaveAttribute("lang", "de");
    await expect(page.locator("noscript .freshness")).toHaveText("Aktualisierungen brauchen JavaScript. Neu laden");
    await expect(choice(page)).toBeHidden();
    await page.getByLabel("An", { exact: true }).fill(user);
    await page.getByLabel("Text", { exact: true }).fill("   ");
    await page.getByRole("button", { name: "Senden", exact: true }).click();
    await expect(page.getByLabel("Text", { exact: true })).toHaveAccessibleDescription(/^Schreibe etwas/);
  });
});

test.describe("signing in with a German browser", () => {
  test.use({ locale: "de-AT", serverArgs: ["--jwt-secret", "a secret of the browser tests, which is long enough", "--jwt-audience", "campanile"] });

  test("is in German, and so is a refusal; the choice is kept there too", async ({ page, troubles, expectAccessible }) => {
    troubles.expect(REFUSED);
    await page.goto(DASHBOARD);
    await expect(page).toHaveTitle("Anmelden · Campanile");
    await expect(page.locator("html")).toHaveAttribute("lang", "de");
    await page.getByLabel("Schlüssel oder Token").fill("nonsense");
    await page.getByRole("button", { name: "Anmelden" }).click();
    await expect(page.getByRole("alert")).toHaveText("Dieser Schlüssel oder dieses Token gilt hier nicht.");
    await expectAccessible();
    // The script that hears the choice is deferred.
    await expect(async () => {
      await choice(page).selectOption("English");
      await expect(page.getByLabel("Key or token")).toBeVisible({ timeout: 3_000 });
    }).toPass();
  });
});

/** The words of a language's tables, in pieces between the places for values, without the marks around them. */
function pieces(language: "en" | "de"): Set<string> {
  const files = [`${language}.rs`, `${language}/desk.rs`].map((name) => new URL(`../../src/app/words/${name}`, import.meta.url));
  const words = files.flatMap((file) => [...readFileSync(file, "utf8").matchAll(/: "((?:[^"\\]|\\.)*)"/g)].map(([, word = ""]) => word));
  return new Set(words.flatMap((word) => word.split(/\{\d\}|\|/)).map(bare));
}

const bare = (text: string) => text.replace(/^[^\p{L}\d]+|[^\p{L}\d]+$/gu, "");

test.describe("the pages beside the inbox in German", () => {
  const MAIL = ["--smtp", "smtp://127.0.0.1:9?tls=off", "--mail-from", "bell@example.com", "--mandatory-categories", "security"];
  const PUSH = ["--push-contact", "mailto:bell@example.com"];
  test.use({ javaScriptEnabled: false, locale: "de-AT", serverArgs: ["--webhook-allow", "127.0.0.0/8", ...MAIL, ...PUSH] });

  const german = pieces("de");
  const english = [...pieces("en")].filter((word) => word.length > 2 && /[a-z]/.test(word) && !german.has(word));
  const isEnglish = (text: string) => english.some((word) => text === word || (word.includes(" ") && text.includes(word)));

  /** What the page says in English, in texts and in names; what callers sent is no sentence of ours. */
  async function inEnglish(page: Page): Promise<string[]> {
    const said = await page.evaluate(() => {
      const found: string[] = [document.title.replace(" · Campanile", "")];
      const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        const { parentElement, textContent } = texts.currentNode;
        if (!parentElement?.closest("code, script, style, datalist, select[data-cookie]")) found.push(textContent ?? "");
      }
      for (const element of document.querySelectorAll("*"))
        for (const name of ["aria-label", "title", "placeholder", "data-label", "data-button"]) found.push(element.getAttribute(name) ?? "");
      return found;
    });
    return said.map((text) => text.replace(/^[^\p{L}\d]+|[^\p{L}\d]+$/gu, "")).filter(isEnglish);
  }

  /** Looks at the page as it is, at two widths: it is in German, and nothing is wider than the window. */
  async function expectGerman(page: Page): Promise<void> {
    await expect(page.locator("html")).toHaveAttribute("lang", "de");
    expect(await inEnglish(page), page.url()).toEqual([]);
    for (const width of [320, 1440]) {
      await page.setViewportSize({ width, height: 800 });
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      expect(content, `${page.url()} at ${width}`).toBeLessThanOrEqual(window ?? 0);
    }
  }

  async function expectAllGerman(page: Page, ...paths: string[]): Promise<void> {
    for (const path of paths) {
      await page.goto(path);
      await expectGerman(page);
    }
  }

  test("one notification, what it says of its forms, and that there is none", async ({ page, api, troubles }) => {
    troubles.expect(REFUSED);
    const { id } = await api.create({ content: "Platte voll", category: "alert", title: "db-3", data: { host: "db-3" } });
    const path = `/notifications/${id}`;
    await page.goto(path);
    await expect(page.getByText("gerade eben")).toBeVisible();
    await expectGerman(page);
    await page.getByRole("button", { name: "Als gelesen markieren" }).click();
    await expect(page.getByRole("status")).toHaveText("Als gelesen markiert.");
    await page.getByText("Löschen …").click();
    await expectGerman(page);
    const done = ["read", "unread", "retry", "retry-all&count=0", "retry-all&count=1", "retry-all&count=2", "cancel", "resume", "enable", "disable", "delete"];
    await expectAllGerman(page, ...done.map((word) => `${path}?done=${word}`), "/notifications/0199a000-0000-7000-8000-000000000000", "/notifications/x");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Hier ist nichts");
  });

  test("preferences, of a user and before one is named", async ({ page, user, request, troubles }) => {
    troubles.expect(REFUSED);
    const contact = { channel: "email", address: "ann@example.com" };
    await request.post(`/api/contacts/${user}`, { data: contact });
    await expectAllGerman(page, "/notify-me", "/notify-me?user_id=%01", `/notify-me?user_id=${user}`);
    await expect(page.getByText("an ann@example.com", { exact: true })).toBeVisible();
    await page.getByLabel("Zurückhalten, was in dieser Zeit kommt").check();
    await page.getByLabel("Bis", { exact: true }).fill("22:00");
    await page.getByLabel("Kategorie hinzufügen").fill("De ploy");
    await page.getByRole("button", { name: "Speichern" }).click();
    await expect(page.getByText(/^Gib an, wann sie enden/)).toBeVisible();
    await expectGerman(page);
    await page.goto(`/notify-me?user_id=${user}`);
    await page.getByLabel("E-Mail: message").selectOption("Falls nach 10 min ungelesen");
    await page.getByRole("button", { name: "Speichern" }).click();
    await expect(page.getByRole("status").first()).toHaveText("Gespeichert. Auch was noch wartet, richtet sich danach.");
    await page.getByText("Entfernen …").click();
    await expectGerman(page);
  });

  test("webhooks and channels, with what fails", async ({ page, api, troubles }) => {
    troubles.expect(REFUSED);
    const receiver = createServer((request, response) => void request.resume().on("end", () => response.writeHead(410).end("Weg")));
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
    await expectAllGerman(page, "/operations/channels", "/operations/channels?state=skipped", "/operations/webhooks");
    await page.getByLabel("Adresse").fill("ftp://x");
    await page.getByLabel("Nur diese Kategorien").fill("A!");
    await page.getByRole("button", { name: "Hinzufügen", exact: true }).click();
    await expect(page.getByLabel("Nur diese Kategorien")).toHaveAccessibleDescription(/^Eine Kategorie besteht aus/);
    await expectGerman(page);
    await page.getByLabel("Nur diese Kategorien").fill("");
    await page.getByRole("button", { name: "Hinzufügen", exact: true }).click();
    await expect(page.getByLabel("Adresse")).toHaveAccessibleDescription(/^Nötig ist eine URL/);
    await page.getByLabel("Adresse").fill(url);
    await page.getByRole("button", { name: "Hinzufügen", exact: true }).click();
    await expect(page.getByLabel("Das Secret, nur dieses eine Mal")).toHaveValue(/^whsec_/);
    await expectGerman(page);
    await page.getByRole("button", { name: /^Testen/ }).click();
    await expect(page.getByRole("status")).toContainText(/^Der Test schlug fehl: Antwort 410, \d+ ms/);
    await expectGerman(page);
    const { id } = await api.create("Platte voll");
    await expect(async () => {
      await page.goto(`/notifications/${id}`);
      await expect(page.getByText("1 Versuch, der letzte mit der Antwort 410")).toBeVisible({ timeout: 300 });
    }).toPass();
    await page.getByText("1 Versuch, der letzte").click();
    await expectGerman(page);
    await expectAllGerman(page, "/operations/channels", "/operations/webhooks");
    await expect(page.getByText(/^Er antwortete mit 410 Gone\./)).toBeVisible();
    await page.getByText("Neues Secret …").click();
    await page.getByText("Löschen …").click();
    await expectGerman(page);
    // Nothing listens there any more.
    receiver.closeAllConnections();
    await new Promise((resolve) => receiver.close(resolve));
    await page.getByRole("button", { name: /^Einschalten/ }).click();
    await page.getByRole("button", { name: /^Testen/ }).click();
    await expect(page.getByRole("status")).toContainText(/^Der Test schlug fehl: keine Antwort, \d+ ms\s*Es kam keine Antwort: Connection refused/);
    await expect(page.getByText(/^Connection refused/)).toHaveAttribute("lang", "en");
    await expectGerman(page);
    const { id: lost } = await api.create("Platte voll");
    await expect(async () => {
      await page.goto(`/notifications/${lost}`);
      await expect(page.getByText("1 Versuch, der letzte ohne Antwort")).toBeVisible({ timeout: 300 });
    }).toPass();
    await page.getByText("1 Versuch, der letzte").click();
    await expect(page.getByText("Es kam keine Antwort: Connection refused")).toBeVisible();
    await expectGerman(page);
  });
});

test("a page beside the inbox has the menu of languages, and keeps the choice", async ({ page, api, expectAccessible }) => {
  const { id } = await api.create("note");
  await page.goto(`/notifications/${id}`);
  await expect(page.getByRole("button", { name: "Mark as read" })).toBeVisible();
  // The script that hears the choice is deferred.
  await expect(async () => {
    await choice(page).selectOption("Deutsch");
    await expect(page.getByRole("button", { name: "Als gelesen markieren" })).toBeVisible({ timeout: 3_000 });
  }).toPass();
  await page.goto("/operations/webhooks");
  await expect(page.getByText("Noch keine Webhooks.")).toBeVisible();
  await expect(choice(page)).toHaveValue("de");
  await expectAccessible();
});
