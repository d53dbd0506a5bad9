// Measures the shipped server and a bare axum handler that returns the same bytes, in turn, and
// prints one table of ratios. An absolute time means little on a shared machine; a ratio of two
// measurements that were taken in turn means something.
//
// usage: node benches/compare.mjs CAMPANILE BARE     (both built with the profile `dist`)

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

const [campanile, bare] = process.argv.slice(2);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
const CONNECTIONS = 64;
const folder = mkdtempSync(join(tmpdir(), 'campanile-bench-'));
const children = [];

/** Starts a server and waits for the line that says where it is. */
function start(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (data) => {
      text += data;
      const found = text.match(/ready: http:\/\/([^/]+)\//);
      if (found) resolve({ child, url: `http://${found[1]}` });
    });
    child.on('exit', (code) => reject(new Error(`${command} ended with ${code}`)));
  });
}

const serve = () => start(campanile, ['serve', '--listen', '127.0.0.1:0', '--store', 'memory:', '--log', 'warn']);

/** Asks once more when the connection was closed while a load kept this process from noticing. */
const ask = (url, request) => fetch(url, request).catch(() => fetch(url, request));

function load(url, script) {
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${SECONDS}s`, ...(script ? ['-s', script] : []), url];
  const text = execFileSync('wrk', args, { encoding: 'utf8' });
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(`the load on ${url} met errors:\n${text}`);
  return Number(text.match(/Requests\/sec:\s+([\d.]+)/)[1]);
}

const sorted = (values) => [...values].sort((a, b) => a - b);
const median = (values) => sorted(values)[Math.floor(values.length / 2)];

const rows = [];
/** Adds a line to the table; a budget is `>= 0.7` or `<= 20`. */
function row(what, value, unit, budget) {
  const [sign, bound] = (budget ?? '').split(' ');
  const met = !budget || (sign === '>=' ? value >= Number(bound) : value <= Number(bound));
  rows.push({ what, value: `${value} ${unit}`.trim(), budget: budget ?? '', met: budget ? (met ? 'yes' : 'NO') : '' });
}

/** Loads ours and a bare server with the same answer in turn; the ratio is the median of the rounds. */
async function compare(what, ours, budget, script) {
  const body = join(folder, 'body.json');
  const request = script ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: CREATE } : {};
  writeFileSync(body, Buffer.from(await (await ask(ours, request)).arrayBuffer()));
  const other = await start(bare, [body]);
  load(ours, script);
  load(other.url, script);
  const ratios = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    ratios.push(load(ours, script) / load(other.url, script));
  }
  other.child.kill();
  const range = `${sorted(ratios)[0].toFixed(2)} to ${sorted(ratios).at(-1).toFixed(2)}`;
  row(`${what}, against a bare handler (${range})`, Number(median(ratios).toFixed(2)), '×', budget);
}

/** Milliseconds from the start of the process to its first answer. */
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

function residentMegabytes(pid) {
  const kilobytes = readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1];
  return Number((kilobytes / 1024).toFixed(1));
}

/** Kilobytes of what the page loads, as it is sent to a browser that takes brotli. */
function payload() {
  const pkg = 'target/site/pkg';
  const files = readdirSync(pkg).filter((name) => /\.(wasm|js|css)$/.test(name));
  const size = (name) =>
    existsSync(join(pkg, `${name}.br`))
      ? statSync(join(pkg, `${name}.br`)).size
      : brotliCompressSync(readFileSync(join(pkg, name))).length;
  return Number((files.reduce((sum, name) => sum + size(name), 0) / 1000).toFixed(1));
}

function lighthouse(url) {
  const program = 'end2end/node_modules/.bin/lighthouse';
  if (!existsSync(program)) return undefined;
  const out = join(folder, 'lighthouse.json');
  const chromium = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync);
  const flags =
    '--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
  execFileSync(program, [url, '--quiet', '--output=json', `--output-path=${out}`, `--chrome-flags=${flags}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...(chromium ? { CHROME_PATH: chromium } : {}) },
  });
  const { categories } = JSON.parse(readFileSync(out, 'utf8'));
  return Object.fromEntries(Object.entries(categories).map(([name, { score }]) => [name, Math.round(score * 100)]));
}

const CREATE = '{"user_id": "user_123", "content": "Your order has been shipped!"}';

try {
  row('start to first answer, median of 10', await startTime(), 'ms', '<= 30');
  const { child, url } = await serve();
  await fetch(`${url}/readyz`);
  row('idle memory', residentMegabytes(child.pid), 'MB', '<= 20');

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
  row('memory after the load', residentMegabytes(child.pid), 'MB');

  row('browser payload, wasm + js + css, brotli', payload(), 'KB', '<= 160');
  const scores = lighthouse(`${url}/api/ui-dashboard/notifications-dashboard-ui`);
  if (scores) {
    row('Lighthouse performance', scores.performance, '', '>= 95');
    row('Lighthouse accessibility', scores.accessibility, '', '>= 100');
    row('Lighthouse best practices', scores['best-practices'], '', '>= 100');
    row('Lighthouse SEO', scores.seo, '');
  } else {
    console.log('Lighthouse is not installed: run `make setup` first.');
  }
} finally {
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true, force: true });
}

const width = Math.max(...rows.map(({ what }) => what.length));
console.log(`${'what'.padEnd(width)}  ${'measured'.padStart(10)}  ${'budget'.padStart(8)}  met`);
for (const { what, value, budget, met } of rows) {
  console.log(`${what.padEnd(width)}  ${value.padStart(10)}  ${budget.padStart(8)}  ${met}`);
}
process.exitCode = rows.some(({ met }) => met === 'NO') ? 1 : 0;
