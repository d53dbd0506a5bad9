import { expect, test } from "../firefox.ts";

// "Always" of "Use the page's colours … only with High Contrast themes", which the page sees as forced colours.
test.use({ prefs: { "browser.display.document_color_use": 2 } });

test("forced colours leave every mark: unread, the choices, the category, and Live", async ({ api, tab, user }) => {
  const { page } = tab;
  await api.create({ content: "old", category: "alert" }).then(({ id }) => api.setRead(id));
  await api.create({ content: "new", category: "alert" });
  await tab.open({ user_id: user, category: "alert" });
  await tab.live();
  expect(await page.evaluate(() => matchMedia("(forced-colors: active)").matches)).toBe(true);
  const system = await page.evaluate(() => {
    const probe = document.body.appendChild(document.createElement("i"));
    const color = (name: string) => ((probe.style.color = name), getComputedStyle(probe).color);
    return { highlight: color("Highlight"), canvas: color("Canvas") };
  });
  expect(system.highlight).not.toBe(system.canvas);
  const look = (selector: string) =>
    page.$eval(selector, (element) => {
      const { backgroundColor, outlineColor, outlineStyle, display } = getComputedStyle(element);
      return { backgroundColor, outlineColor, outlineStyle, display };
    });
  const marked = { backgroundColor: system.highlight };
  expect(await look(".row.unread .unread-dot")).toMatchObject({ ...marked, display: "block" });
  const chosen = { outlineStyle: "solid", outlineColor: system.highlight };
  for (const of of [".inboxes .choice[aria-current]", ".kinds .choice[aria-current]", ".segments [aria-current]", ".chip:has(:checked)"])
    expect(await look(of), of).toMatchObject(chosen);
  expect((await look(".choice:not([aria-current])")).outlineStyle).toBe("none");
  expect(await tab.count(".row-kind .icon")).toBe(2);
  expect(await look('[data-state="live"] .freshness-dot')).toMatchObject(marked);
});
