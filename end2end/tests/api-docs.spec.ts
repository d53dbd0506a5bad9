import { expect, test } from "../fixture.ts";

test("the description of the API can be read and tried, without anything from elsewhere", async ({ page, server }) => {
  const elsewhere: string[] = [];
  const failed: string[] = [];
  page.on("request", (request) => {
    const { protocol } = new URL(request.url());
    if (protocol.startsWith("http") && !request.url().startsWith(server.url)) elsewhere.push(request.url());
  });
  page.on("response", (response) => {
    if (response.status() >= 400) failed.push(response.url());
  });
  await page.goto("/api/docs/");
  await expect(page.getByRole("heading", { name: /Campanile/ })).toBeVisible();
  const operation = page.locator(".opblock", { hasText: "/api/notifications/unread-count/{user_id}" });
  await operation.getByRole("button").first().click();
  await operation.getByPlaceholder("user_id").fill("user_123");
  await operation.getByRole("button", { name: "Execute" }).click();
  await expect(operation.locator(".live-responses-table")).toContainText('"unread_count": 0');
  expect(elsewhere).toEqual([]);
  expect(failed).toEqual([]);
});

test("the description of the API is as wide as a phone, and named after the server", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto("/api/docs/");
  await expect(page).toHaveTitle("Campanile · API");
  await expect(page.locator('meta[name="viewport"]')).toHaveAttribute("content", "width=device-width, initial-scale=1");
});
