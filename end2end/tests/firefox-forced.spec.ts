import { expect, test } from "../firefox.ts";
import { expectMarks, lookOf, systemColors } from "../forced.ts";

// "Always" of "Use the page's colours … only with High Contrast themes", which the page sees as forced colours.
test.use({ prefs: { "browser.display.document_color_use": 2 } });

test("forced colours leave every mark: unread, the choices, the category, and Live", async ({ api, tab, user }) => {
  const { page } = tab;
  await api.create({ content: "old", category: "alert" }).then(({ id }) => api.setRead(id));
  await api.create({ content: "new", category: "alert" });
  await tab.open({ user_id: user, category: "alert" });
  await tab.live();
  expect(await page.evaluate(() => matchMedia("(forced-colors: active)").matches)).toBe(true);
  await expectMarks(await page.evaluate(systemColors), (selector) => page.$eval(selector, lookOf));
  expect(await tab.count(".row-kind .icon")).toBe(2);
});
