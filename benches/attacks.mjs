// All kinds of hostile requests at once, for a minute, beside a well-behaved client: how much slower its slowest
// requests become, and how much memory the server uses.
//
// usage: node benches/attacks.mjs CAMPANILE
//
// BENCH_ATTACK, the beginning of a name such as "fan-outs", runs only that attack.
//
// The server has 512 MB: enforced by a memory cgroup if one can be created (root, v1 or v2), otherwise its resident
// memory is only watched. The load generators share the processors with the server, whereas real attackers would have
// machines of their own. So they are two processes that only use idle time (`chrt --idle`), and each attack has a fixed
// rate, so that the server is measured and not Node. Their responses are counted and printed, to show when they starve.
// The well-behaved client is a separate process. It is also measured alone on the same server for as long, half of it
// before the attack and half after: a p99 of fewer requests depends too much on the disk.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:http2';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BY_PROXY, FORWARDED, Table, residentMegabytes, start, stopAll } from './measure.mjs';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 3) * 20;
const MEMORY = 512;
/** The attack to run; all of them if absent. */
const ONLY = process.env.BENCH_ATTACK;
const MIB = 1024 * 1024;
/** How long a client waits for a response, in milliseconds. */
const PATIENCE = 10_000;
const PAGE = '/api/ui-dashboard/notifications-dashboard-ui';

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const times = (count, make) => Array.from({ length: count }, (_, number) => make(number));
const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

/** One request; its status, or 0 when the connection broke or no response came in time. The response is not kept. */
function ask(url, { method = 'GET', path, key, body, agent }) {
  return new Promise((resolve) => {
    const headers = { ...FORWARDED, ...(key ? { authorization: `Bearer ${key}` } : {}) };
    if (body) Object.assign(headers, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    const asked = request(url + path, { method, headers, agent }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode)).on('error', () => resolve(0));
    });
    asked.on('error', () => resolve(0)).setTimeout(PATIENCE, () => asked.destroy(new Error('no answer'))).end(body);
  });
}

/** The well-behaved client: ten times a second it sends, counts and lists. */
async function behave(url, key, seconds) {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const took = [];
  const sending = [];
  const statuses = {};
  const timed = async (what) => {
    const began = process.hrtime.bigint();
    const status = await ask(url, { ...what, key, agent });
    const milliseconds = Number(process.hrtime.bigint() - began) / 1e6;
    took.push(milliseconds);
    if (what.body) sending.push(milliseconds);
    statuses[status] = (statuses[status] ?? 0) + 1;
  };
  const round = async () => {
    await timed({ method: 'POST', path: '/api/notifications/create', body: '{"user_id":"well","content":"Your order has been shipped!"}' });
    await timed({ path: '/api/notifications/unread-count/well' });
    await timed({ path: '/api/notifications/list?user_id=well' });
  };
  const begin = Date.now();
  const rounds = [];
  for (let due = 0; due < seconds * 10; due += 1) {
    await sleep(begin + due * 100 - Date.now());
    rounds.push(round());
  }
  await Promise.all(rounds);
  agent.destroy();
  return { took, sending, statuses };
}

/** Statistics of the durations of requests, in milliseconds. */
function summary(measured) {
  const sorted = (name) => measured.flatMap((part) => part[name]).sort((a, b) => a - b);
  const [took, sending] = [sorted('took'), sorted('sending')];
  return { p50: percentile(took, 0.5), p99: percentile(took, 0.99), sending: percentile(sending, 0.5) };
}

/** Counts the statuses of an attack's responses. */
class Tally {
  statuses = {};

  add(status) {
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
  }
}

/** Sends requests from this many tasks until the end, each at most once in this many milliseconds. */
function loops(count, pause, end, tally, one) {
  return times(count, async (number) => {
    while (Date.now() < end) {
      const next = Date.now() + pause;
      tally.add(await one(number));
      await sleep(Math.max(0, next - Date.now()));
    }
  });
}

/** Requests whose bodies start and never end, over separate connections that are opened again when they break. */
function halfBodies(url, count, end, tally) {
  const { hostname, port } = new URL(url);
  const head = `POST /api/notifications/batch HTTP/1.1\r\nHost: ${hostname}\r\nX-Forwarded-For: ${FORWARDED['x-forwarded-for']}\r\nContent-Type: application/json\r\nContent-Length: ${4 * MIB}\r\n\r\n`;
  const half = Buffer.alloc(2 * MIB, '{"notifications":[{},{},{},{},{},{}');
  return times(count, async () => {
    while (Date.now() < end) {
      await new Promise((resolve) => {
        const socket = new Socket();
        socket.on('error', () => {}).on('close', resolve);
        socket.once('data', (data) => {
          tally.add(Number(String(data).split(' ')[1]));
          setTimeout(() => socket.destroy(), 500);
        });
        socket.connect(Number(port), hostname, () => socket.write(head) && socket.write(half));
        setTimeout(() => socket.destroy(), Math.max(0, end - Date.now()));
      });
      await sleep(500);
    }
  });
}

/** The same as streams of one connection. */
async function halfBodiesOverOne(url, count, end, tally) {
  const half = Buffer.alloc(2 * MIB, '{"notifications":[{},{},{},{},{},{}');
  while (Date.now() < end) {
    await new Promise((resolve) => {
      const client = connect(url, { maxSessionMemory: 1_000 });
      client.on('error', () => {}).on('close', resolve);
      for (let number = 0; number < count; number += 1) {
        const stream = client.request({ ...FORWARDED, ':method': 'POST', ':path': '/api/notifications/batch', 'content-type': 'application/json', 'content-length': 4 * MIB });
        stream.on('error', () => {}).on('response', (headers) => tally.add(headers[':status'])).resume();
        stream.write(half);
      }
      setTimeout(() => client.destroy(), Math.min(5_000, Math.max(0, end - Date.now())));
    });
    await sleep(100);
  }
}

const large = '🎉'.repeat(16_384);
const hostile = 'http://)'.repeat(1_000) + ')'.repeat(8_000);

/** The attacks of each process, by name. */
const ATTACKS = {
  many: {
    'wrong bearers': (url, keys, end, tally) => loops(8, 20, end, tally, (number) =>
      ask(url, { path: '/api/notifications/list', key: number % 2 ? `cmp_${'0'.repeat(16)}_${'0'.repeat(64)}` : `${'a'.repeat(2_000)}.b.c`, agent: keys.agent })),
    'pages of hostile links': (url, keys, end, tally) => loops(3, 0, end, tally, () => ask(url, { path: `${PAGE}?user_id=hostile`, key: keys.pages, agent: keys.agent })),
    'half bodies': (url, keys, end, tally) => halfBodies(url, 200, end, tally),
    'half bodies over one HTTP/2 connection': (url, keys, end, tally) => [halfBodiesOverOne(url, 100, end, tally)],
  },
  large: {
    'batches without credentials': (url, keys, end, tally) => {
      const body = `{"notifications":[${'{},'.repeat((4 * MIB) / 3 - 20)}{}]}`;
      return loops(8, 100, end, tally, () => ask(url, { method: 'POST', path: '/api/notifications/batch', body }));
    },
    'fan-outs to 1000 users': (url, keys, end, tally) => {
      const body = JSON.stringify({ user_ids: times(1_000, (number) => `fan ${number}`), content: large, data: { pad: 'x'.repeat(16_000) } });
      return loops(2, 500, end, tally, () => ask(url, { method: 'POST', path: '/api/notifications/batch', key: keys.fanout, body, agent: keys.agent }));
    },
    'lists of 1000 large rows': (url, keys, end, tally) => loops(60, 100, end, tally, () => ask(url, { path: '/api/notifications/list?user_id=large&unread=true&limit=1000', key: keys.lists, agent: keys.agent })),
    'deep data': (url, keys, end, tally) => {
      const body = `{"user_id":"deep","content":"x","data":${'{"a":'.repeat(100_000)}{}${'}'.repeat(100_000)}}`;
      return loops(2, 100, end, tally, () => ask(url, { method: 'POST', path: '/api/notifications/create', key: keys.deep, body, agent: keys.agent }));
    },
  },
};

async function attack(which, url, keys, seconds) {
  // When a server answers and closes during the upload of a body, Node reports that where no listener can be attached.
  process.on('uncaughtException', ({ code }) => {
    if (!['EPIPE', 'ECONNRESET'].includes(code)) process.exit(1);
  });
  const end = Date.now() + seconds * 1_000;
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  const tallies = {};
  const chosen = Object.entries(ATTACKS[which]).filter(([name]) => !ONLY || name.startsWith(ONLY));
  const running = chosen.flatMap(([name, begin]) => {
    tallies[name] = new Tally();
    return begin(url, { ...keys, agent }, end, tallies[name]);
  });
  // Requests that are unanswered a little later are ignored.
  await Promise.race([Promise.all(running), sleep(seconds * 1_000 + PATIENCE)]);
  return Object.fromEntries(Object.entries(tallies).map(([name, { statuses }]) => [name, statuses]));
}

if (process.argv[2] === 'behave' || process.argv[2] === 'attack') {
  const [does, url, given, seconds, which] = process.argv.slice(2);
  const done = does === 'behave' ? await behave(url, given, Number(seconds)) : await attack(which, url, JSON.parse(given), Number(seconds));
  process.stdout.write(JSON.stringify(done), () => process.exit(0));
  await new Promise(() => {});
}

/** Runs this program in another process, with idle priority if `isIdle`, and returns its final output. */
function another(isIdle, ...args) {
  const command = [...(isIdle ? ['chrt', '--idle', '0'] : []), process.execPath, fileURLToPath(import.meta.url), ...args.map(String)];
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (data) => (text += data));
  return new Promise((resolve, reject) => child.on('exit', (code) => (code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`${args[0]} ended with ${code}`)))));
}

/** Ends a server, even one that no longer responds. */
async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.on('exit', resolve));
  child.kill();
  const hard = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  await ended;
  clearTimeout(hard);
}

/** A cgroup that limits its processes to this many megabytes together; nothing if none can be created. */
function limited(megabytes) {
  const isV2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
  const folder = join(isV2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory', `campanile-bench-${process.pid}`);
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, isV2 ? 'memory.max' : 'memory.limit_in_bytes'), String(megabytes * MIB));
    return { name: isV2 ? 'a cgroup v2' : 'a cgroup v1', procs: join(folder, 'cgroup.procs'), remove: () => rmdirSync(folder) };
  } catch {
    return { name: 'watching only', procs: '/dev/null', remove: () => {} };
  }
}

const [campanile] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'campanile-bench-'));
const group = limited(MEMORY);
const store = ['--store', `sqlite:${join(folder, 'attacked.db')}`];
const serve = ['serve', '--listen', '127.0.0.1:0', '--log', 'error', '--auth', 'on', ...BY_PROXY, ...store];
// A key is made only in a store that exists.
execFileSync(campanile, ['migrate', ...store], { stdio: 'ignore' });
const key = (name) => execFileSync(campanile, ['key', 'create', name, '--scopes', 'send,read', ...store], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

/** The data before the attack: large rows, and texts that look like links. */
async function fill(keys) {
  const { child, url } = await start(campanile, [...serve, '--limit-key', 'off', '--limit-recipient', 'off']);
  const batch = async (notifications) => {
    const status = await ask(url, { method: 'POST', path: '/api/notifications/batch', key: keys.well, body: JSON.stringify({ notifications }) });
    if (status !== 201) throw new Error(`the store could not be filled: ${status}`);
  };
  for (let part = 0; part < 25; part += 1) await batch(times(40, () => ({ user_id: 'large', content: large })));
  await batch(times(50, () => ({ user_id: 'hostile', content: hostile })));
  await batch(times(50, () => ({ user_id: 'well', content: 'Your order has been shipped!' })));
  await stop(child);
}

try {
  const keys = Object.fromEntries(['well', 'pages', 'fanout', 'lists', 'deep'].map((name) => [name, key(name)]));
  await fill(keys);
  const { child, url } = await start('sh', ['-c', 'echo $$ > "$0"; exec "$@"', group.procs, campanile, ...serve]);
  let ends = 0;
  child.on('exit', () => (ends += 1));
  const alone = () => another(false, 'behave', url, keys.well, SECONDS / 2);
  const before = await alone();

  let peak = 0;
  const watching = setInterval(() => {
    if (!ends) peak = Math.max(peak, residentMegabytes(child.pid));
  }, 50);
  const attacks = Object.keys(ATTACKS).map((which) => another(true, 'attack', url, JSON.stringify(keys), SECONDS + 2, which));
  await sleep(1_000);
  const attacked = await another(false, 'behave', url, keys.well, SECONDS);
  const tallies = Object.assign({}, ...(await Promise.all(attacks)));
  clearInterval(watching);
  const after = await alone();
  const healthy = await ask(url, { path: '/healthz' });

  for (const [name, statuses] of Object.entries(tallies)) {
    console.log(`${name}: ${Object.entries(statuses).map(([status, count]) => `${count} × ${status === '0' ? 'cut' : status}`).join(', ') || 'no answer'}`);
  }
  const show = ({ p50, p99, sending }) => `p50 ${p50.toFixed(1)}, of creates ${sending.toFixed(1)}, p99 ${p99.toFixed(1)} ms`;
  const refused = Object.entries(attacked.statuses).filter(([status]) => !/^2/.test(status)).reduce((sum, [, count]) => sum + count, 0);
  const [beside, quiet] = [summary([attacked]), summary([before, after])];
  const table = new Table();
  table.row(`p99 of a client beside all attacks (${show(beside)}), against alone (${show(quiet)})`, Number((beside.p99 / quiet.p99).toFixed(2)), '×', '<= 3');
  table.row('requests of that client that were refused or lost', refused, '', '<= 0');
  table.row(`most resident memory, limited by ${group.name}`, peak, 'MB', `<= ${MEMORY}`);
  table.row('ends of the server, or a /healthz that is not 200', ends + (healthy === 200 ? 0 : 1), '', '<= 0');
  process.exitCode = table.print() ? 0 : 1;
  await stop(child);
} finally {
  stopAll();
  group.remove();
  rmSync(folder, { recursive: true, force: true });
}
