// The cost of authenticating a caller, the cost of a refused request, and whether a flood by one caller affects
// another.
//
// usage: node benches/auth.mjs CAMPANILE

import { execFileSync, spawn } from 'node:child_process';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BY_PROXY, CREATE, FORWARDED, Table, inTurn, load, start, stopAll } from './measure.mjs';

/** Sends this many requests a second, over this many connections. Returns the durations in ms, and the statuses. */
async function ask(url, bearer, rate, seconds, connections) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const times = [];
  const statuses = {};
  const one = () =>
    new Promise((resolve) => {
      const began = process.hrtime.bigint();
      const asked = request(url, { agent, headers: { authorization: `Bearer ${bearer}` } }, (answer) => {
        answer.resume().on('end', () => {
          times.push(Number(process.hrtime.bigint() - began) / 1e6);
          statuses[answer.statusCode] = (statuses[answer.statusCode] ?? 0) + 1;
          resolve();
        });
      });
      asked.on('error', resolve).end();
    });
  const begin = Date.now();
  const waiting = [];
  for (let sent = 0; Date.now() - begin < seconds * 1000; ) {
    for (const due = ((Date.now() - begin) * rate) / 1000; sent < due; sent += 1) waiting.push(one());
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(waiting);
  agent.destroy();
  times.sort((a, b) => a - b);
  return { p50: times[Math.floor(times.length / 2)], p99: times[Math.floor(times.length * 0.99)], statuses };
}

if (process.argv[2] === 'ask') {
  const [url, bearer, rate, seconds, connections] = process.argv.slice(3);
  console.log(JSON.stringify(await ask(url, bearer, Number(rate), Number(seconds), Number(connections))));
  process.exit(0);
}

const [campanile] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'campanile-bench-'));
const table = new Table();
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = join(folder, 'issuer.pem');
writeFileSync(pem, publicKey.export({ type: 'spki', format: 'pem' }));

/** A user's token, signed with RS256. */
function token(user) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ sub: user, aud: 'campanile', exp: Math.floor(Date.now() / 1000) + 3600 })}`;
  return `${head}.${createSign('sha256').update(head).sign(privateKey).toString('base64url')}`;
}

let stores = 0;
/** A server over a new SQLite file with authentication, and a key for it. */
async function secured(...args) {
  const store = ['--store', `sqlite:${join(folder, `${(stores += 1)}.db`)}`];
  // A key is made only in a store that exists.
  execFileSync(campanile, ['migrate', ...store], { stdio: 'ignore' });
  const key = () => execFileSync(campanile, ['key', 'create', 'bench', '--scopes', 'send,read', ...store], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  const keys = [key(), key()];
  const tokens = ['--jwt-key', pem, '--jwt-audience', 'campanile', '--limit-recipient', 'off'];
  return { ...(await start(campanile, ['serve', '--listen', '127.0.0.1:0', '--log', 'warn', ...BY_PROXY, ...store, ...tokens, ...args])), keys };
}

/** A script for wrk that sends this request, with a credential if one is given. */
function script(name, method, path, bearer, body) {
  const file = join(folder, `${name}.lua`);
  const auth = bearer ? `, ["Authorization"] = "Bearer ${bearer}"` : '';
  writeFileSync(file, `wrk.method = "${method}"\nwrk.path = "${path}"\nwrk.headers = {["Content-Type"] = "application/json", ["X-Forwarded-For"] = "${FORWARDED['x-forwarded-for']}"${auth}}\n${body ? `wrk.body = '${body}'\n` : ''}`);
  return file;
}

async function known() {
  const open = await start(campanile, ['serve', '--listen', '127.0.0.1:0', '--log', 'warn', '--store', `sqlite:${join(folder, 'open.db')}`]);
  const closed = await secured('--limit-key', 'off', '--limit-user', 'off');
  for (const { url, keys } of [{ ...open, keys: ['none'] }, closed]) {
    for (let number = 0; number < 60; number += 1) {
      await fetch(`${url}/api/notifications/create`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${keys[0]}` }, body: CREATE });
    }
  }
  const asks = [
    ['unread-count', 'GET', '/api/notifications/unread-count/user_123'],
    ['list of 50', 'GET', '/api/notifications/list?user_id=user_123'],
    ['create', 'POST', '/api/notifications/create', CREATE],
  ];
  for (const [what, method, path, body] of asks) {
    const plain = script(`plain-${what}`, method, path, null, body);
    for (const [proof, bearer] of [['a key', closed.keys[0]], ["a user's token", token('user_123')]]) {
      if (body && proof !== 'a key') continue;
      const shown = script(`shown-${what}`, method, path, bearer, body);
      const ratio = await inTurn(() => load(closed.url, shown), () => load(open.url, plain));
      table.row(`${what} with ${proof}, against without authentication (${ratio.range})`, ratio.median, '×', '>= 0.8');
    }
  }
  open.child.kill();
  closed.child.kill();
}

/** Requests per second, whatever their status is. */
function refused(url, file) {
  const text = execFileSync('wrk', ['-t1', '-c64', `-d${process.env.BENCH_SECONDS ?? 3}s`, '-s', file, url], { encoding: 'utf8' });
  return Number(text.match(/Requests\/sec:\s+([\d.]+)/)[1]);
}

async function cheap() {
  const open = await secured('--limit-key', 'off');
  const tight = await secured('--limit-key', '1/m', '--limit-address', '1/m');
  const path = '/api/notifications/list?user_id=user_123';
  for (let number = 0; number < 60; number += 1) {
    await fetch(`${open.url}/api/notifications/create`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${open.keys[0]}` }, body: CREATE });
  }
  const served = script('served', 'GET', path, open.keys[0]);
  await fetch(tight.url + path, { headers: { ...FORWARDED, authorization: `Bearer ${tight.keys[0]}` } });
  for (const [what, bearer] of [['a key over its limit', tight.keys[0]], ['a stranger over theirs', 'nonsense']]) {
    const ratio = await inTurn(() => refused(tight.url, script('refused', 'GET', path, bearer)), () => load(open.url, served));
    table.row(`refusing ${what}, against serving a list (${ratio.range})`, ratio.median, '×', '>= 1');
  }
  open.child.kill();
  tight.child.kill();
}

/** Another process that sends requests, so that the two do not delay each other. */
function asking(...args) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'ask', ...args.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (data) => (text += data));
  return new Promise((resolve) => child.on('exit', () => resolve(JSON.parse(text))));
}

async function flooded() {
  const LIMIT = 100;
  const seconds = Number(process.env.BENCH_SECONDS ?? 3) * 2;
  const { child, url, keys } = await secured('--limit-key', `${LIMIT}/s`);
  const path = `${url}/api/notifications/list?user_id=user_123`;
  const ratios = [];
  let refusedOf = {};
  for (let round = 0; round < 3; round += 1) {
    const quiet = await asking(path, keys[0], 80, seconds, 4);
    const flood = asking(path, keys[1], LIMIT * 20, seconds, 64);
    const during = await asking(path, keys[0], 80, seconds, 4);
    refusedOf = (await flood).statuses;
    ratios.push(during.p99 / quiet.p99);
  }
  ratios.sort((a, b) => a - b);
  const { 200: taken = 0, 429: tooMany = 0 } = refusedOf;
  table.row(`p99 of a caller beside a flood at 20 times the limit (${tooMany} refused, ${taken} not)`, Number(ratios[1].toFixed(2)), '×', '<= 2');
  child.kill();
}

try {
  await known();
  await cheap();
  await flooded();
  process.exitCode = table.print() ? 0 : 1;
} finally {
  stopAll();
  rmSync(folder, { recursive: true, force: true });
}
