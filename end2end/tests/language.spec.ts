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

  test("a form with mistakes, and what is empty, are in German", async ({ page, dashboard, user, expectAccessible }) => {
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
          // Times become local, the command gets this origin, and only the script knows how the page is kept up to date.
          if (!parentElement?.closest("script, noscript, time, code, .freshness")) found.push(textContent?.trim() ?? "");
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
