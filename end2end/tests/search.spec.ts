import { expect, test } from "../fixture.ts";

const FIELD = { name: "Search titles and texts" };

test.beforeEach(async ({ api, user }) => {
  await api.create({ content: "Your order has shipped", title: "Parcel 7" });
  await api.create({ content: "Disk almost full", category: "alert" });
  await api.create({ user_id: `${user}-2`, content: "Another ORDER came in" });
});

test("it finds words in titles and texts while one types", async ({ dashboard, page }) => {
  await dashboard.open();
  await expect(dashboard.rows).toHaveCount(3);
  await page.keyboard.press("s");
  const field = page.getByRole("searchbox", FIELD);
  await expect(field).toBeFocused();
  await page.keyboard.type("order");
  await expect(dashboard.rows).toHaveCount(2);
  await expect(page).toHaveURL(/\?q=order$/);
  await page.keyboard.type(" parcel");
  await expect(dashboard.rows).toHaveCount(1);
  await expect(dashboard.row("Your order has shipped")).toBeVisible();
  // Going back leads to the state before the search, not through every letter.
  await page.goBack();
  await expect(dashboard.rows).toHaveCount(3);
  await expect(field).toHaveValue("");
});

test("it goes together with inbox and kind, and survives a reload", async ({ dashboard, page, user }) => {
  await dashboard.open({ user_id: user, q: "a" });
  await expect(dashboard.rows).toHaveCount(2);
  await dashboard.filters.getByRole("link", { name: "alert" }).click();
  await expect(dashboard.rows).toHaveCount(1);
  await page.reload();
  await expect(dashboard.rows).toHaveCount(1);
  await expect(page.getByRole("searchbox", FIELD)).toHaveValue("a");
});

test("a search that finds nothing says so and can be cleared", async ({ dashboard, page, user }) => {
  await dashboard.open({ user_id: user });
  await page.getByRole("searchbox", FIELD).fill("nowhere");
  await expect(page.getByRole("heading", { name: "Nothing found." })).toBeVisible();
  await expect(page.getByText(`There is nothing with “nowhere” for ${user}.`)).toBeVisible();
  await page.getByRole("link", { name: "Clear filters" }).click();
  await expect(dashboard.rows).toHaveCount(2);
  await expect(page.getByRole("searchbox", FIELD)).toHaveValue("");
});

test("the cross in the field ends the search", async ({ dashboard, page }) => {
  await dashboard.open({ q: "order" });
  await expect(dashboard.rows).toHaveCount(2);
  await page.getByRole("link", { name: "Clear the search" }).click();
  await expect(dashboard.rows).toHaveCount(3);
  await expect(page.getByRole("searchbox", FIELD)).toHaveValue("");
  await expect(page.getByRole("link", { name: "Clear the search" })).toBeHidden();
});

test("what arrives is shown only if it is looked for", async ({ dashboard, page, user, api }) => {
  await dashboard.open({ user_id: user, q: "order" });
  await expect(dashboard.rows).toHaveCount(1);
  await api.create("nothing of interest");
  await api.create("a new order");
  await expect(dashboard.rows).toHaveCount(2, { timeout: 10_000 });
  await expect(page.getByText("nothing of interest")).toHaveCount(0);
});

test("a search that is too long is refused at its field", async ({ dashboard, page }) => {
  await dashboard.open({ q: "x".repeat(201) });
  await expect(page.getByText("A search has at most 200 characters.").first()).toBeVisible();
});

test("a screen reader announces the number of results", async ({ dashboard, api, page, user }) => {
  await api.createMany(3, "needle");
  await api.create({ content: "needle 4", category: "alert" });
  await api.create("hay");
  await dashboard.open({ user_id: user });
  const said = (text: string) => expect(page.getByRole("status").filter({ hasText: text })).toBeAttached();
  const field = page.getByRole("searchbox", { name: /^Search/ });
  await field.fill("needle");
  await said("4 results");
  await dashboard.filters.getByRole("link", { name: /^alert/ }).click();
  await said("1 result");
  await field.fill("nothing like it");
  await said("No results");
});
