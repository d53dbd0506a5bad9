import { expect, test } from "../fixture.ts";

// A trace would read every row after every request, and distort the measurement.
test.use({ trace: "off" });

test("fifty changes a second cost a page of a thousand rows little, and it stays smooth", async ({ dashboard, api, page, user }) => {
  test.setTimeout(600_000);
  const browser = await page.context().newCDPSession(page);
  // In the time that a processor gave to the page's main thread, so that other programs on the machine do not count.
  await browser.send("Performance.enable", { timeDomain: "threadTicks" });
  const busy = async (): Promise<number> => {
    const { metrics } = await browser.send("Performance.getMetrics");
    return 1000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN);
  };
  const CHANGES = 150;
  /** What a frame costs the page's main thread, in milliseconds, while fifty changes a second arrive for three seconds. */
  const measure = async (name: string): Promise<number> => {
    // The page is still drawing rows: the measurement starts once it is idle.
    await page.evaluate(() => new Promise((settled) => requestIdleCallback(settled)));
    await page.evaluate(() => {
      const frames: number[] = [];
      const state = window as unknown as { frames: number[] };
      state.frames = frames;
      const note = (now: number) => {
        if (state.frames !== frames) return;
        frames.push(now);
        requestAnimationFrame(note);
      };
      requestAnimationFrame(note);
    });
    const before = await busy();
    for (let n = 0; n < CHANGES; n += 1) {
      await Promise.all([api.create(`${name} ${n}`), new Promise((resolve) => setTimeout(resolve, 20))]);
    }
    const cost = (await busy()) - before;
    const gaps = await page.evaluate(() => {
      const { frames } = window as unknown as { frames: number[] };
      return frames.slice(1).map((frame, n) => frame - (frames[n] ?? 0));
    });
    await expect(dashboard.row(`${name} ${CHANGES - 1}`)).toBeVisible({ timeout: 20_000 });
    const sorted = gaps.sort((a, b) => a - b);
    const at = (part: number) => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(1);
    const ofFrame = cost / gaps.length;
    const ofChange = (cost / CHANGES).toFixed(1);
    console.log(`${name}: ${ofFrame.toFixed(1)} ms a frame, ${ofChange} a change; between frames: median ${at(0.5)}, p95 ${at(0.95)}`);
    return ofFrame;
  };
  await api.createMany(500, "old");
  await api.createMany(500, "new");
  await dashboard.open({ user_id: user });
  for (let more = 0; more < 5; more += 1) {
    await page.getByRole("link", { name: "Show older" }).click();
    await expect.poll(() => dashboard.rows.count()).toBe(Math.min(1000, 100 * 2 ** more));
  }
  await expect(dashboard.rows).toHaveCount(1000);
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  await dashboard.rows.first().scrollIntoViewIfNeeded();
  // 25 on an idle machine, and the same beside three other programs; 130 if every change lays out every row.
  expect(await measure("live")).toBeLessThan(60);
});
