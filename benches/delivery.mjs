// Delivery: the cost of a webhook for creating callers, the time to arrival, and that a webhook which hangs blocks no
// other.
//
// usage: delivery.mjs CAMPANILE HOOKS
//
// BENCH_WAITING (1000000) sets the number of waiting deliveries in the case with many.

import { execFile } from 'node:child_process';
import { createECDH, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Table, inTurn, load, residentMegabytes, start, stopAll } from './measure.mjs';

const [campanile, hooks] = process.argv.slice(2);
const WAITING = Number(process.env.BENCH_WAITING ?? 1_000_000);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
/** How many requests one webhook gets at once. */
const IN_FLIGHT = 4;
/** How many requests a push service gets at once. */
const PUSHES_IN_FLIGHT = 32;
/** The number of browsers of a broadcast. */
const BROWSERS = 10_000;
const folder = mkdtempSync(join(tmpdir(), 'campanile-bench-'));
const table = new Table();
let stores = 0;

const run = promisify(execFile);
/** How often a receiver is asked for its count. More often would distort the measurement. */
const ASKED_EVERY = 25;
const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));
const quantile = (values, of) => [...values].sort((a, b) => a - b)[Math.floor(values.length * of)];

/** A server over a new SQLite file. */
const serve = (more = []) =>
  start(campanile, ['serve', ...more, '--listen', '127.0.0.1:0', '--log', 'warn', '--store', `sqlite:${join(folder, `${(stores += 1)}.db`)}`, '--webhook-allow', '127.0.0.0/8']);

const post = (url, body) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

async function addWebhook(server, url, wanted = {}) {
  const answer = await post(`${server}/api/webhooks`, { url, ...wanted });
  if (answer.status !== 201) throw new Error(await answer.text());
  return (await answer.json()).id;
}

const create = '/api/notifications/create';
const many = join(folder, 'many.lua');
writeFileSync(
  many,
  `local n = 0\nlocal json = {["Content-Type"] = "application/json"}\nrequest = function()\n  n = n + 1\n  return wrk.format("POST", "${create}", json, '{"user_id": "user_' .. (n * 7919) % 100000 .. '", "content": "Your order has been shipped!"}')\nend\n`,
);

/** Creates per second on a new server, with a webhook if one is given. */
async function creates(webhook, wanted, more) {
  const { child, url } = await serve(more);
  if (webhook) await addWebhook(url, webhook, wanted);
  const rate = load(url, many);
  child.kill('SIGKILL');
  return rate;
}

async function creating() {
  const answering = await start(hooks, ['receive']);
  const hanging = await start(hooks, ['receive', 'hang']);
  for (const [what, webhook, wanted, budget] of [
    ['create with a webhook that wants nothing of it', answering.url, { user_id: 'another' }, '>= 0.95'],
    ['create with a webhook for everything, which answers', answering.url, {}, '>= 0.6'],
    ['create with a webhook for everything, which hangs', hanging.url, {}, '>= 0.6'],
  ]) {
    const ratio = await inTurn(() => creates(webhook, wanted), () => creates());
    table.row(`${what}, against no webhook (${ratio.range})`, ratio.median, '×', budget);
  }
  // There is no relay, and the server connects to none.
  const mail = ['--smtp', 'smtp://127.0.0.1:9', '--mail-from', 'bench@example.com'];
  const ratio = await inTurn(() => creates(undefined, {}, mail), () => creates());
  table.row(`create with mail set up, for users without a contact, against no channel (${ratio.range})`, ratio.median, '×', '>= 0.95');
  answering.child.kill();
  hanging.child.kill();
}

const counted = async (url) => Number(await (await fetch(`${url}/`)).text());

/** Creates this many notifications, a thousand per request. */
async function fill(url, count, user = (n) => `user_${n % 10000}`) {
  for (let from = 0; from < count; from += 1000) {
    const user_ids = Array.from({ length: Math.min(1000, count - from) }, (_, n) => user(from + n));
    const notifications = user_ids.map((user_id) => ({ user_id, content: 'Your order has been shipped!' }));
    const answer = await post(`${url}/api/notifications/batch`, { notifications });
    if (answer.status !== 201) throw new Error(await answer.text());
  }
}

/** Webhook deliveries per second from a large backlog. */
async function delivered() {
  const count = 150_000;
  const receiver = await start(hooks, ['receive']);
  const { child, url } = await serve();
  await addWebhook(url, receiver.url);
  await fill(url, count);
  const before = await counted(receiver.url);
  const began = performance.now();
  let now = before;
  while (now < count) {
    await sleep(ASKED_EVERY);
    now = await counted(receiver.url);
  }
  const rate = (count - before) / ((performance.now() - began) / 1000);
  child.kill('SIGKILL');
  receiver.child.kill();
  return rate;
}

async function bareLoop() {
  const receiver = await start(hooks, ['receive']);
  const { stdout } = await run(hooks, ['post', `${receiver.url}/`, IN_FLIGHT, SECONDS, 400].map(String));
  receiver.child.kill();
  return Number(stdout);
}

async function throughput() {
  const ratio = await inTurn(delivered, bareLoop);
  table.row(`webhooks delivered, against a bare loop of as many requests at once (${ratio.range})`, ratio.median, '×', '>= 0.5');
}

/** Adds this many users with a browser each, whose push service has this URL. */
async function addBrowsers(server, service, count) {
  const key = createECDH('prime256v1');
  key.generateKeys();
  const keys = { p256dh: key.getPublicKey('base64url'), auth: randomBytes(16).toString('base64url') };
  const add = (n) =>
    post(`${server}/api/contacts/user_${n}`, { channel: 'webpush', subscription: { endpoint: `${service}/?${n}`, keys } });
  for (let from = 0; from < count; from += 50) {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => add(from + n)));
    for (const answer of answers) if (answer.status !== 201) throw new Error(await answer.text());
  }
}

let memoryOfPushes = '';

/** Pushes per second for one notification to each of many users, each with a browser. */
async function pushed() {
  const service = await start(hooks, ['receive']);
  const { child, url } = await serve(['--push-contact', 'mailto:bench@example.com', '--batch-max', `${BROWSERS}`]);
  await addBrowsers(url, service.url.replace(/\/$/, ''), BROWSERS);
  const before = residentMegabytes(child.pid);
  const notifications = Array.from({ length: BROWSERS }, (_, n) => ({ user_id: `user_${n}`, content: 'Your order has been shipped!' }));
  const answer = await post(`${url}/api/notifications/batch`, { notifications });
  if (answer.status !== 201) throw new Error(await answer.text());
  // From the first pushes on, because the baseline has no notifications to create.
  const first = await arrivedOf(service.url, 500);
  const last = await arrivedOf(service.url, BROWSERS);
  memoryOfPushes = `${before} MB before, ${residentMegabytes(child.pid)} MB after`;
  child.kill('SIGKILL');
  service.child.kill();
  return (last.count - first.count) / ((last.at - first.at) / 1000);
}

/** The time at which this many requests had arrived, and their number then. */
async function arrivedOf(url, least) {
  for (;;) {
    const count = await counted(url);
    if (count >= least) return { count, at: performance.now() };
    await sleep(ASKED_EVERY);
  }
}

async function bareLoopOfPushes() {
  const receiver = await start(hooks, ['receive']);
  const { stdout } = await run(hooks, ['push', `${receiver.url}/`, PUSHES_IN_FLIGHT, SECONDS, 200].map(String));
  receiver.child.kill();
  return Number(stdout);
}

async function pushing() {
  const ratio = await inTurn(pushed, bareLoopOfPushes);
  const what = `pushes of one broadcast to ${BROWSERS.toLocaleString('en')} browsers, against a bare loop that encrypts as well`;
  table.row(`${what} (${ratio.range}; ${memoryOfPushes})`, ratio.median, '×', '>= 0.5');
}

/** A receiver in this process, so that it has the sender's clock. */
function receiver() {
  const arrived = new Map();
  const server = createServer((request, response) => {
    const now = performance.now();
    let text = '';
    request.on('data', (data) => (text += data));
    request.on('end', () => {
      response.end();
      const { notification } = JSON.parse(text).data;
      if (!arrived.has(notification.id)) arrived.set(notification.id, now);
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ server, arrived, url: `http://127.0.0.1:${server.address().port}/` })));
}

/** Milliseconds from each 201 to the request of its webhook, at this many creates a second. */
async function latencies(url, { arrived }, rate, seconds, user) {
  const sent = [];
  const began = performance.now();
  for (let n = 0; n < rate * seconds; n += 1) {
    const wait = began + (1000 * n) / rate - performance.now();
    if (wait > 0) await sleep(wait);
    sent.push(
      post(url + create, { user_id: user, content: 'Your order has been shipped!' }).then(async (answer) => {
        const at = performance.now();
        return { at, id: (await answer.json()).id };
      }),
    );
  }
  const all = await Promise.all(sent);
  await sleep(2000);
  const lost = all.filter(({ id }) => !arrived.has(id)).length;
  if (lost) throw new Error(`${lost} webhooks did not arrive`);
  return all.map(({ at, id }) => Math.max(0, arrived.get(id) - at));
}

async function latency() {
  const to = await receiver();
  const { child, url } = await serve();
  await addWebhook(url, to.url, { user_id: 'fast' });
  await latencies(url, to, 50, 1, 'fast');
  const alone = await latencies(url, to, 200, 10, 'fast');
  const p99 = quantile(alone, 0.99);
  table.row(`from 201 to the receiver at 200 creates/s: p99 (p50 ${quantile(alone, 0.5).toFixed(1)} ms)`, Number(p99.toFixed(1)), 'ms', '<= 20');

  const hanging = await start(hooks, ['receive', 'hang']);
  await addWebhook(url, hanging.url, { user_id: 'slow' });
  await fill(url, 10_000, () => 'slow');
  await sleep(3000);
  const beside = await latencies(url, to, 200, 10, 'fast');
  const ratio = quantile(beside, 0.99) / p99;
  table.row(`p99 beside a webhook that hangs with 10,000 waiting (${quantile(beside, 0.99).toFixed(1)} ms), against without`, Number(ratio.toFixed(2)), '×', '<= 2');
  child.kill('SIGKILL');
  hanging.child.kill();
  to.server.close();
}

/** Milliseconds to a receiver, and memory, while this many deliveries wait for another one. */
async function beside(count) {
  const to = await receiver();
  const hanging = await start(hooks, ['receive', 'hang']);
  const { child, url } = await serve();
  await addWebhook(url, hanging.url, { user_id: 'slow' });
  await addWebhook(url, to.url, { user_id: 'fast' });
  await fill(url, count, () => 'slow');
  for (;;) {
    const channels = await (await fetch(`${url}/api/channels`)).json();
    const { lanes } = channels.find(({ channel }) => channel === 'webhook');
    if (lanes.some(({ waiting }) => waiting >= count - 100)) break;
    await sleep(500);
  }
  await latencies(url, to, 50, 1, 'fast');
  const times = await latencies(url, to, 100, 10, 'fast');
  const memory = residentMegabytes(child.pid);
  child.kill('SIGKILL');
  hanging.child.kill();
  to.server.close();
  return { p50: quantile(times, 0.5), memory };
}

async function waiting() {
  const few = await beside(1000);
  const much = await beside(WAITING);
  const of = `${WAITING.toLocaleString('en')} waiting, against 1,000`;
  table.row(`to claim and deliver with ${of} (p50 ${much.p50.toFixed(1)} ms)`, Number((much.p50 / few.p50).toFixed(2)), '×', '<= 1.2');
  table.row(`memory with ${of} (${few.memory} MB)`, much.memory, 'MB', '<= 128');
}

try {
  await creating();
  await throughput();
  await pushing();
  await latency();
  await waiting();
} finally {
  stopAll();
  rmSync(folder, { recursive: true, force: true });
}

process.exitCode = table.print() ? 0 : 1;
