import { expect, test } from "../fixture.ts";

// A trace would read every row after every request, and distort the measurement.
test.use({ trace: "off" });

test("a thousand rows and fifty changes a second leave the page smooth", async ({ dashboard, api, page, user }) => {
  test.setTimeout(600_000);
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
  /** The times between the frames that are drawn while fifty notifications a second arrive, for three seconds. */
  const measure = async (name: string) => {
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
    for (let n = 0; n < 150; n += 1) {
      await Promise.all([api.create(`${name} ${n}`), new Promise((resolve) => setTimeout(resolve, 20))]);
    }
    const gaps = await page.evaluate(() => {
      const { frames } = window as unknown as { frames: number[] };
      return frames.slice(1).map((frame, n) => frame - (frames[n] ?? 0));
    });
    await expect(dashboard.row(`${name} 149`)).toBeVisible({ timeout: 20_000 });
    const sorted = gaps.sort((a, b) => a - b);
    const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? 0;
    console.log(`frames: median ${at(0.5).toFixed(1)} ms, p95 ${at(0.95).toFixed(1)} ms, longest ${at(0.999).toFixed(1)} ms`);
    return { median: at(0.5), p95: at(0.95) };
  };
  // The best of four: other programs on the machine delay frames, and nothing makes a slow page draw more of them.
  let best = await measure("live");
  for (let again = 1; again < 4 && (best.median >= 40 || best.p95 >= 200); again += 1) {
    const next = await measure(`again ${again}`);
    if (next.median + next.p95 < best.median + best.p95) best = next;
  }
  // 17 ms on a machine of two processors that is idle, and 33 where another program has one of them.
  expect(best.median).toBeLessThan(40);
  // 33 ms on an idle machine; 67 to 133 were measured on one that was busy.
  expect(best.p95).toBeLessThan(200);
});
