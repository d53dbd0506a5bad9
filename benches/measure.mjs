// Shared by the measurements: starting servers, loading them, and the table at the end.

import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
const children = [];

/** A notification as in the documentation. */
export const CREATE = '{"user_id": "user_123", "content": "Your order has been shipped!"}';

/** Makes a server limit requests by address, which it does not for its own machine: they come through a proxy. */
export const BY_PROXY = ['--trusted-proxies', '127.0.0.0/8'];
/** The client address that the proxy forwards. */
export const FORWARDED = { 'x-forwarded-for': '203.0.113.7' };

/** Starts a server and waits for the line with its address. */
export function start(command, args) {
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

/** Stops every server that was started. */
export function stopAll() {
  for (const child of children) child.kill();
}

/** Loads a URL for a while and returns the requests per second. */
export function load(url, script, connections = 64) {
  const args = ['-t1', `-c${connections}`, `-d${SECONDS}s`, ...(script ? ['-s', script] : []), url];
  const text = execFileSync('wrk', args, { encoding: 'utf8' });
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(`the load on ${url} met errors:\n${text}`);
  return Number(text.match(/Requests\/sec:\s+([\d.]+)/)[1]);
}

const sorted = (values) => [...values].sort((a, b) => a - b);
export const median = (values) => sorted(values)[Math.floor(values.length / 2)];

/** Measures both in turn, after one round that does not count; the ratios of the rounds, first to second. */
export async function inTurn(ours, theirs) {
  await ours();
  await theirs();
  const ratios = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    ratios.push((await ours()) / (await theirs()));
  }
  const range = `${sorted(ratios)[0].toFixed(2)} to ${sorted(ratios).at(-1).toFixed(2)}`;
  return { median: Number(median(ratios).toFixed(2)), range };
}

export function residentMegabytes(pid) {
  const kilobytes = readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1];
  return Number((kilobytes / 1024).toFixed(1));
}

/** The results, each with its budget: `>= 0.7` or `<= 20`. */
export class Table {
  rows = [];

  row(what, value, unit, budget) {
    const [sign, bound] = (budget ?? '').split(' ');
    const met = !budget || (sign === '>=' ? value >= Number(bound) : value <= Number(bound));
    this.rows.push({ what, value: `${value} ${unit}`.trim(), budget: budget ?? '', met: budget ? (met ? 'yes' : 'NO') : '' });
  }

  /** Prints the table and returns whether every budget is met. */
  print() {
    const width = Math.max(...this.rows.map(({ what }) => what.length));
    console.log(`${'what'.padEnd(width)}  ${'measured'.padStart(10)}  ${'budget'.padStart(8)}  met`);
    for (const { what, value, budget, met } of this.rows) {
      console.log(`${what.padEnd(width)}  ${value.padStart(10)}  ${budget.padStart(8)}  ${met}`);
    }
    return this.rows.every(({ met }) => met !== 'NO');
  }
}
