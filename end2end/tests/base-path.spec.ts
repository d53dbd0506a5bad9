import { expect, signInWith, test as signedIn } from "../auth.ts";
import { DASHBOARD, type Notification } from "../fixture.ts";
import { freePort, startNginx } from "../nginx.ts";

/** The ports of two gateways: one leaves the base path in requests, and one removes it. */
interface Ports {
  leaves: number;
  takes: number;
}

const test = signedIn.extend<{ ports: Ports; gateways: Ports }>({
  ports: async ({}, use) => use({ leaves: await freePort(), takes: await freePort() }),

  moreArgs: async ({ ports }, use) => use(["--public-url", `http://127.0.0.1:${ports.leaves}/notify`]),

  gateways: async ({ ports, server }, use) => {
    const nginx = await startNginx(
      `server { listen 127.0.0.1:${ports.leaves}; location /notify/ { proxy_pass ${server.url}; } }
       server { listen 127.0.0.1:${ports.takes}; location /notify/ { proxy_pass ${server.url}/; } }`,
      ports.takes,
    );
    await use(ports);
    await nginx.stop();
  },
});

for (const way of ["leaves", "takes"] as const) {
  test(`everything is below the base path, also when nginx ${way} it`, async ({ api, context, dashboard, gateways, key, page, troubles, user }) => {
    const root = `http://127.0.0.1:${gateways[way]}/notify`;
    const elsewhere: string[] = [];
    const watch = (url: string) => new URL(url).pathname.startsWith("/notify/") || elsewhere.push(url);
    context.on("request", (request) => watch(request.url()));
    page.on("websocket", (socket) => watch(socket.url()));
    await api.create({ content: "an alert", category: "alert" });

    await page.goto(`${root}/`);
    await expect(page).toHaveURL(`${root}/login?next=${encodeURIComponent(DASHBOARD)}`);
    await expect(page.getByRole("link", { name: "Campanile" })).toHaveAttribute("href", `/notify${DASHBOARD}`);
    await signInWith(page, key);
    await expect(page).toHaveURL(root + DASHBOARD);
    const [cookie] = await context.cookies(root);
    expect(cookie).toMatchObject({ name: "__Secure-campanile", path: "/notify" });

    await dashboard.hydrated();
    await expect(page.getByText("Live", { exact: true })).toBeVisible();
    await api.create("heard of");
    await expect(dashboard.row("heard of")).toBeVisible();
    await dashboard.send(user, "sent by the page");
    await expect(dashboard.row("sent by the page")).toBeVisible();
    await dashboard.mark("heard of");
    await dashboard.expectRead("heard of");
    await expect.poll(async () => (await api.list()).find(({ content }) => content === "heard of")?.is_read).toBe(true);

    await dashboard.filters.getByRole("link", { name: /alert/i }).first().click();
    await expect(page).toHaveURL(`${root}${DASHBOARD}?category=alert`);
    await expect(dashboard.rows).toHaveCount(1);
    await page.getByRole("banner").getByRole("link", { name: "Campanile" }).click();
    await expect(page).toHaveURL(root + DASHBOARD);
    await page.reload();
    await dashboard.hydrated();
    await expect(dashboard.rows).toHaveCount(3);
    await page.getByRole("button", { name: "Account" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page).toHaveURL(`${root}/login`);
    expect(await context.cookies(root)).toEqual([]);

    // Swagger's own page has inline styles that its policy forbids, and logs that.
    await page.goto(`${root}/api/docs`);
    await expect(page.getByRole("heading", { name: /^Campanile/ })).toBeVisible();
    await expect(page.locator(".servers select")).toHaveValue("/notify");
    expect(elsewhere).toEqual([]);
    expect(troubles.unexpected()).toEqual([]);
  });

  test(`a page of a list leads to the next one, also when nginx ${way} the base path`, async ({ api, gateways, key }) => {
    const root = `http://127.0.0.1:${gateways[way]}/notify`;
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const created = await fetch(`${root}/api/notifications/create`, {
      method: "POST",
      headers,
      body: JSON.stringify({ user_id: "ann", content: "first" }),
    });
    const first = new URL(created.headers.get("location") ?? "", root);
    expect(await (await fetch(first, { headers })).json()).toMatchObject({ content: "first" });
    await api.create({ user_id: "ann", content: "second" });
    let next: URL | undefined = new URL(`${root}/api/notifications/list?user_id=ann&limit=1`);
    const found: string[] = [];
    while (next) {
      const page: Response = await fetch(next, { headers });
      found.push(...((await page.json()) as Notification[]).map(({ content }) => content));
      const link = /^<(.*)>; rel="next"$/.exec(page.headers.get("link") ?? "")?.[1];
      next = link ? new URL(link, next) : undefined;
    }
    expect(found).toEqual(["second", "first"]);
  });
}

test("without script the forms lead below the base path too", async ({ api, browser, gateways, key, user }) => {
  await api.create("to be marked");
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  const root = `http://127.0.0.1:${gateways.leaves}/notify`;
  await page.goto(`${root}${DASHBOARD}?user_id=${user}`);
  await signInWith(page, key);
  await page.getByRole("button", { name: /^Mark as read: / }).click();
  await expect(page).toHaveURL(new RegExp(`^${root}${DASHBOARD}\\?user_id=${user}`));
  await expect.poll(async () => (await api.list())[0]?.is_read).toBe(true);
  await context.close();
});
