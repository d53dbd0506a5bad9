// Measures the shipped server and a bare axum handler that returns the same bytes, in turn, and prints one table of
// ratios. An absolute time means little on a shared machine; a ratio of two measurements that were taken in turn is
// meaningful.
//
// usage: node benches/compare.mjs CAMPANILE BARE     (both built with the profile `dist`)

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { CREATE, Table, inTurn, load, median, residentMegabytes, start, stopAll } from './measure.mjs';

const [campanile, bare] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'campanile-bench-'));
const table = new Table();

const serve = () => start(campanile, ['serve', '--listen', '127.0.0.1:0', '--store', 'memory:', '--log', 'warn']);

/** Repeats a request whose connection was closed while a load kept this process busy. */
const ask = (url, request) => fetch(url, request).catch(() => fetch(url, request));

/** Loads Campanile and a bare server with the same response in turn; the ratio is the median of the rounds. */
async function compare(what, ours, budget, script) {
  const body = join(folder, 'body.json');
  const request = script ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: CREATE } : {};
  writeFileSync(body, Buffer.from(await (await ask(ours, request)).arrayBuffer()));
  const other = await start(bare, [body]);
  const ratio = await inTurn(() => load(ours, script), () => load(other.url, script));
  other.child.kill();
  table.row(`${what}, against a bare handler (${ratio.range})`, ratio.median, '×', budget);
}

/** Milliseconds from the start of the process to its first response. */
async function startTime() {
  const times = [];
  for (let round = 0; round < 10; round += 1) {
    const began = process.hrtime.bigint();
    const { child, url } = await serve();
    await fetch(`${url}/healthz`);
    times.push(Number(process.hrtime.bigint() - began) / 1e6);
    child.kill();
  }
  return Number(median(times).toFixed(1));
}

/** Kilobytes that the page loads, as sent to a browser that accepts brotli. */
function payload() {
  const pkg = 'target/site/pkg';
  const files = readdirSync(pkg).filter((name) => /\.(wasm|js|css)$/.test(name));
  const size = (name) =>
    existsSync(join(pkg, `${name}.br`))
      ? statSync(join(pkg, `${name}.br`)).size
      : brotliCompressSync(readFileSync(join(pkg, name))).length;
  return Number((files.reduce((sum, name) => sum + size(name), 0) / 1024).toFixed(1));
}

function lighthouse(url) {
  const program = 'end2end/node_modules/.bin/lighthouse';
  if (!existsSync(program)) return undefined;
  const out = join(folder, 'lighthouse.json');
  const chromium = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync);
  const flags =
    '--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
  const look = () =>
    execFileSync(program, [url, '--quiet', '--output=json', `--output-path=${out}`, `--chrome-flags=${flags}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ...(chromium ? { CHROME_PATH: chromium } : {}) },
    });
  try {
    look();
  } catch {
    // Now and then it misses the start of the page, and asks to be run again.
    look();
  }
  const { categories } = JSON.parse(readFileSync(out, 'utf8'));
  return Object.fromEntries(Object.entries(categories).map(([name, { score }]) => [name, Math.round(score * 100)]));
}

try {
  table.row('start to first answer, median of 10', await startTime(), 'ms', '<= 30');
  const { child, url } = await serve();
  await fetch(`${url}/readyz`);
  table.row('idle memory', residentMegabytes(child.pid), 'MB', '<= 20');

  for (let number = 0; number < 60; number += 1) {
    await fetch(`${url}/api/notifications/create`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: CREATE,
    });
  }
  const script = join(folder, 'create.lua');
  writeFileSync(script, `wrk.method = "POST"\nwrk.body = '${CREATE}'\nwrk.headers["Content-Type"] = "application/json"\n`);
  await compare('unread-count', `${url}/api/notifications/unread-count/user_123`, '>= 0.7');
  await compare('list of 50', `${url}/api/notifications/list?user_id=user_123`, '>= 0.5');
  await compare('list of 50 over all inboxes', `${url}/api/notifications/list`, '>= 0.5');
  await compare('create in memory', `${url}/api/notifications/create`, undefined, script);
  table.row('memory after the load', residentMegabytes(child.pid), 'MB');

  table.row('browser payload, wasm + js + css, brotli', payload(), 'KiB', '<= 160');
  const looks = [1, 2, 3].map(() => lighthouse(`${url}/api/ui-dashboard/notifications-dashboard-ui`));
  if (looks[0]) {
    // One look differs from the next by 4: a long task of another program is one of the page to it.
    const score = (name) => median(looks.map((scores) => scores[name]));
    table.row('Lighthouse performance, median of 3', score('performance'), '', '>= 95');
    table.row('Lighthouse accessibility', score('accessibility'), '', '>= 100');
    table.row('Lighthouse best practices', score('best-practices'), '', '>= 100');
    table.row('Lighthouse SEO', score('seo'), '');
  } else {
    console.log('Lighthouse is not installed: run `make setup` first.');
  }
} finally {
  stopAll();
  rmSync(folder, { recursive: true, force: true });
}

process.exitCode = table.print() ? 0 : 1;
