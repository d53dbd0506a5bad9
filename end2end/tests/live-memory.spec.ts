import { expect, test } from "../fixture.ts";

// A trace would store every row that ever existed, and distort the measurement.
test.use({ trace: "off" });

test("a page that follows live does not grow with what it has shown", async ({ dashboard, api, page, user }) => {
  test.setTimeout(600_000);
  await page.addInitScript(() => {
    const state = window as unknown as { memory: WebAssembly.Memory };
    const start = WebAssembly.instantiateStreaming;
    WebAssembly.instantiateStreaming = async (source, imports) => {
      const started = await start(source, imports);
      const exported = Object.values(started.instance.exports);
      state.memory = exported.find((it): it is WebAssembly.Memory => it instanceof WebAssembly.Memory)!;
      return started;
    };
  });
  await dashboard.open({ user_id: user });
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  const bytes = () => page.evaluate(() => (window as unknown as { memory: WebAssembly.Memory }).memory.buffer.byteLength);
  const follow = async (from: number, to: number) => {
    for (let n = from; n < to; n += 40) {
      await api.createMany(40, `batch ${n}`);
      await expect(dashboard.row(`batch ${n} 40`)).toBeVisible();
    }
    return bytes();
  };
  // The maximum number of rows on a page, and the memory for drawing them.
  const before = await follow(0, 4_000);
  const after = await follow(4_000, 12_000);
  console.log(`WebAssembly memory: ${before >> 10} KiB after 4,000 notifications, ${after >> 10} KiB after 12,000`);
  expect(after - before).toBeLessThan(1.5 * 1024 * 1024);
});
