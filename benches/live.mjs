// Live delivery: the cost of an idle listener, the time until a change arrives, and the return of many listeners at
// once.
//
// usage: live.mjs CAMPANILE LOAD; BENCH_LISTENERS (15000) sets the number of idle listeners.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Table, start, stopAll } from './measure.mjs';

const [campanile, program] = process.argv.slice(2);
const IDLE = Number(process.env.BENCH_LISTENERS ?? 15000);
const CROWD = Math.min(IDLE, 10000);
const SECONDS = process.env.BENCH_SECONDS ?? '10';
const folder = mkdtempSync(join(tmpdir(), 'campanile-bench-'));
const table = new Table();
let stores = 0;

const kilobytes = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** A server over a new SQLite file. */
const serve = () => start(campanile, ['serve', '--listen', '127.0.0.1:0', '--store', `sqlite:${join(folder, `${(stores += 1)}.db`)}`, '--max-connections', '30000']);

/** Runs the load generator; it ends by itself, or, with `stay`, when `done` is called. */
function listen(url, args) {
  const child = spawn(program, ['--server', url.replace('http://', ''), '--json', ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  const lines = [];
  const waiting = [];
  child.stdout.on('data', (data) => {
    text += data;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      lines.push(JSON.parse(text.slice(0, end)));
      text = text.slice(end + 1);
      waiting.shift()?.();
    }
  });
  const next = async () => {
    if (!lines.length) await new Promise((resolve) => waiting.push(resolve));
    return lines.shift();
  };
  return { next, done: () => child.stdin.end() };
}

async function idle(kind) {
  const { child, url } = await serve();
  // Everything that is loaded only once is loaded.
  const warm = listen(url, ['--kind', kind, '--listeners', 50, '--inboxes', 50]);
  await warm.next();
  const before = kilobytes(child.pid);
  const load = listen(url, ['--kind', kind, '--listeners', IDLE, '--inboxes', IDLE, '--stay']);
  const { failed, connected_ms } = await load.next();
  await sleep(2000);
  const each = (kilobytes(child.pid) - before) / (IDLE - failed);
  table.row(`memory of an idle ${kind === 'ws' ? 'WebSocket' : 'event stream'}, ${IDLE} of them (${failed} failed, ${connected_ms} ms)`, Number(each.toFixed(2)), 'KiB', '<= 5');
  load.done();
  await load.next();
  child.kill();
}

async function fanOut(asleep) {
  const { child, url } = await serve();
  const load = listen(url, ['--listeners', CROWD, '--inboxes', 1, '--asleep', asleep, '--rate', 1, '--seconds', SECONDS]);
  const { last_p50_ms, last_max_ms, missing, repeated, failed } = await load.next();
  const among = asleep ? `, ${asleep} of them asleep` : '';
  table.row(`last of ${CROWD} listeners of one inbox${among} (at most ${last_max_ms} ms)`, last_p50_ms, 'ms', '<= 150');
  table.row('  missing, repeated or failed', missing + repeated + failed, '', '<= 0');
  child.kill();
}

async function steady(asleep) {
  const { child, url } = await serve();
  const load = listen(url, ['--listeners', 1000, '--inboxes', 1000, '--asleep', asleep, '--rate', 1000, '--seconds', SECONDS]);
  const { p50_ms, p99_ms, sent_per_s, missing, repeated } = await load.next();
  const among = asleep ? `, ${asleep} asleep` : '';
  table.row(`1,000 creates/s to 1,000 inboxes${among}: p99 (p50 ${p50_ms} ms, ${Math.round(sent_per_s)}/s)`, p99_ms, 'ms', '<= 2');
  table.row('  missing or repeated', missing + repeated, '', '<= 0');
  child.kill();
}

async function comeBack() {
  const { child, url } = await serve();
  const first = listen(url, ['--listeners', 1, '--inboxes', 100, '--rate', 1000, '--seconds', 1]);
  await first.next();
  const load = listen(url, ['--listeners', CROWD, '--inboxes', 100, '--since', 1, '--stay']);
  const { connected_ms, failed } = await load.next();
  table.row(`${CROWD} come back at once and catch up (${failed} failed)`, Number((connected_ms / 1000).toFixed(2)), 's', '<= 10');
  load.done();
  await load.next();
  child.kill();
}

async function stop() {
  const { child, url } = await serve();
  const load = listen(url, ['--listeners', 5000, '--inboxes', 5000, '--stay']);
  await load.next();
  const began = Date.now();
  child.kill('SIGTERM');
  await new Promise((resolve) => child.on('exit', resolve));
  table.row('stopping with 5,000 open streams', Number(((Date.now() - began) / 1000).toFixed(2)), 's', '<= 5');
  load.done();
}

try {
  await idle('ws');
  await idle('sse');
  await fanOut(0);
  await fanOut(10);
  await steady(0);
  await steady(10);
  await comeBack();
  await stop();
  process.exitCode = table.print() ? 0 : 1;
} finally {
  stopAll();
  rmSync(folder, { recursive: true, force: true });
}
