import { get } from "node:http";
import { expect, test } from "../fixture.ts";

/** The number of bytes of a response, compressed as browsers accept it. */
function loaded(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers: { "accept-encoding": "br, gzip" } }, (answer) => {
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => (bytes += chunk.length));
      answer.on("end", () => resolve(bytes));
      answer.on("error", reject);
    });
    request.on("error", reject);
  });
}

// What makes it more shows itself in a table of the sizes of functions: build without `--strip-debug`, and read the section
// of names.
test("what the page loads is no more than 160 KiB", async ({ page, dashboard }) => {
  const files: string[] = [];
  page.on("request", (request) => files.push(request.url()));
  await dashboard.open();
  const built = [...new Set(files)].filter((url) => new URL(url).pathname.startsWith("/pkg/"));
  expect(built.map((url) => url.split(".").at(-1)).sort()).toEqual(["css", "js", "wasm"]);
  const sizes = await Promise.all(built.map(loaded));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(163_840);
});
