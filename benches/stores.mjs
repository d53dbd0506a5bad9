// Measures storage: creating on SQLite and PostgreSQL, and how little the amount of stored data matters. Everything is
// compared with a baseline that is loaded in turn.
//
// usage: node benches/stores.mjs CAMPANILE BARE [PART…], with parts of creating, reading, postgres, growing; all without
//
// BENCH_STORED (10000000) sets the number of stored notifications; that database is created once and kept.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CREATE, Table, inTurn, load, residentMegabytes, start, stopAll } from './measure.mjs';

const [campanile, bare, ...parts] = process.argv.slice(2);
const STORED = Number(process.env.BENCH_STORED ?? 10_000_000);
const FEW = 10_000;
const CONNECTIONS = 64;
const folder = mkdtempSync(join(tmpdir(), 'campanile-bench-'));
const table = new Table();

const serve = (store) => start(campanile, ['serve', '--listen', '127.0.0.1:0', '--store', store, '--log', 'warn']);

/** A script for wrk with a different request each time: `line` is Lua with a number n. */
function script(name, line) {
  const path = join(folder, `${name}.lua`);
  writeFileSync(path, `local n = 0\nlocal json = {["Content-Type"] = "application/json"}\nrequest = function()\n  n = n + 1\n  ${line}\nend\n`);
  return path;
}

const create = '/api/notifications/create';
const createFor = (user) =>
  `return wrk.format("POST", "${create}", json, '{"user_id": "user_' .. ${user} .. '", "content": "Your order has been shipped!"}')`;
const one = script('one', createFor('1'));
const many = script('many', createFor('(n * 7919) % 100000'));

/** Creating on SQLite with every response after a flush to the disk, against a handler that only returns bytes. */
async function creating() {
  const { child, url } = await serve(`sqlite:${join(folder, 'create.db')}`);
  const answer = await fetch(url + create, { method: 'POST', headers: { 'content-type': 'application/json' }, body: CREATE });
  const body = join(folder, 'body.json');
  writeFileSync(body, Buffer.from(await answer.arrayBuffer()));
  const other = await start(bare, [body]);
  for (const [what, lua] of [['one inbox', one], ['100,000 inboxes', many]]) {
    const ratio = await inTurn(() => load(url, lua), () => load(other.url, lua));
    table.row(`create on SQLite, ${what}, against a bare handler (${ratio.range})`, ratio.median, '×', '>= 0.45');
  }
  const early = residentMegabytes(child.pid);
  const until = Date.now() + 1000 * Number(process.env.BENCH_SOAK ?? 30);
  let created = 0;
  while (Date.now() < until) created += load(url, many) * 3;
  table.row(`memory after some ${Math.round(created / 1e5) / 10} million creates, against before`, Number((residentMegabytes(child.pid) / early).toFixed(2)), '×', '<= 1.2');
  child.kill();
  other.child.kill();
}

/** Reading from SQLite, against a handler that has the same bytes ready. */
async function reading() {
  const { child, url } = await serve(`sqlite:${join(folder, 'read.db')}`);
  for (let number = 0; number < 60; number += 1) {
    await fetch(url + create, { method: 'POST', headers: { 'content-type': 'application/json' }, body: CREATE });
  }
  const asks = [
    ['unread-count', '/api/notifications/unread-count/user_123', '>= 0.8'],
    ['list of 50', '/api/notifications/list?user_id=user_123', '>= 0.75'],
  ];
  for (const [what, path, budget] of asks) {
    const body = join(folder, 'body.json');
    // A separate connection: the server has closed the one from before the load, which was silent for too long.
    writeFileSync(body, Buffer.from(await (await fetch(url + path, { headers: { connection: 'close' } })).arrayBuffer()));
    const other = await start(bare, [body]);
    const ratio = await inTurn(() => load(url + path), () => load(other.url));
    table.row(`${what} on SQLite, against a bare handler (${ratio.range})`, ratio.median, '×', budget);
    other.child.kill();
  }
  child.kill();
}

/** Lines of an export: this many notifications, a hundred for each user. */
function* exported(count) {
  const users = Math.ceil(count / 100);
  const per = Math.ceil(count / users);
  for (let user = 0; user < users; user += 1) {
    yield `{"record":"inbox","user_id":"user_${user}","modseq":${per},"forgotten":0,"all_read_modseq":0}\n`;
  }
  for (let number = 0; number < count; number += 1) {
    const created = Math.floor(number / users) + 1;
    const id = `019a5370-${(number >>> 16).toString(16).padStart(4, '0')}-7${(number & 0xfff).toString(16).padStart(3, '0')}-9${((number >> 12) & 0xf).toString(16)}00-5b8a1c2d3e4f`;
    const notification = `{"id":"${id}","user_id":"user_${number % users}","content":"Your order ${number} has been shipped!","timestamp":"2026-01-01T00:00:00.000000Z","is_read":false,"category":"message"}`;
    yield `{"record":"notification","modseq":${created},"created":${created},"notification":${notification}}\n`;
  }
}

/** A database with this many notifications, created by `campanile import` unless an earlier run left it. */
async function filled(count) {
  const cache = join(process.env.CAMPANILE_CACHE ?? join(homedir(), '.cache/campanile'), 'bench');
  mkdirSync(cache, { recursive: true });
  const kept = join(cache, `stored-v1-${count}.db`);
  if (!existsSync(kept)) {
    console.error(`bench: storing ${count} notifications (once; ten million take some minutes)`);
    const made = `${kept}.new`;
    for (const suffix of ['', '-wal', '-shm', '.lock']) rmSync(made + suffix, { force: true });
    const child = spawn(campanile, ['import', '--store', `sqlite:${made}`], { stdio: ['pipe', 'inherit', 'ignore'] });
    let chunk = '';
    for (const line of exported(count)) {
      chunk += line;
      if (chunk.length > 1 << 20) {
        if (!child.stdin.write(chunk)) await new Promise((resolve) => child.stdin.once('drain', resolve));
        chunk = '';
      }
    }
    child.stdin.end(chunk);
    const code = await new Promise((resolve) => child.on('exit', resolve));
    if (code !== 0) throw new Error(`the import ended with ${code}`);
    renameSync(made, kept);
  }
  // Each run changes its own copy.
  const copy = join(folder, `${count}.db`);
  execFileSync('cp', ['--reflink=auto', kept, copy]);
  return copy;
}

/** The same requests with little and with much stored data. */
async function growing() {
  const stores = [await filled(FEW), await filled(STORED)];
  const memory = exportMemory(stores[1]);
  table.row(`peak memory of an export of ${STORED}`, memory, 'MB', '<= 60');
  const servers = [];
  for (const store of stores) servers.push(await serve(`sqlite:${store}`));
  const [few, much] = servers;
  // The same hundred users in both, so that only the amount of other data differs.
  const user = '((n * 37) % 100)';
  const asks = [
    ['unread-count', `return wrk.format("GET", "/api/notifications/unread-count/user_" .. ${user})`],
    ['list of 50', `return wrk.format("GET", "/api/notifications/list?user_id=user_" .. ${user})`],
    ['mark by index', `return wrk.format("POST", "/api/notifications/mark-read/user_" .. ${user} .. "/" .. (n % 90))`],
    ['create', createFor(user)],
  ];
  for (const [what, line] of asks) {
    const lua = script(what.replaceAll(' ', '-'), line);
    // How many times as long a request takes with much data: the inverse of the requests per second.
    const ratio = await inTurn(() => load(few.url, lua), () => load(much.url, lua));
    table.row(`${what}, ${STORED} stored against ${FEW} (${ratio.range})`, ratio.median, '×', '<= 1.2');
  }
  for (const { child } of servers) child.kill();
}

/** The most memory that an export used, in megabytes. */
function exportMemory(file) {
  const time = ['-c', `import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)`];
  const out = execFileSync('python3', [...time, campanile, 'export', '--store', `sqlite:${file}`], { encoding: 'utf8' });
  return Math.round(Number(out) / 1024);
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Creating on PostgreSQL against pgbench, which calls the same function over as many connections. */
async function postgres() {
  const CALL = `\\set user random(1, 100000)
SELECT * FROM campanile_create(ARRAY['user_' || :user], ARRAY[gen_random_uuid()], ARRAY[1700000000000000::bigint], ARRAY['message'],
  ARRAY['Your order has been shipped!'], ARRAY[NULL::text], ARRAY[NULL::text], ARRAY[NULL::text], ARRAY[NULL::bigint], 1000::bigint,
  NULL, NULL, NULL, NULL, NULL);`;
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql').sort().reverse() : [];
  const bin = versions.map((version) => `/usr/lib/postgresql/${version}/bin`).find((path) => existsSync(`${path}/pgbench`)) ?? '';
  const program = (name) => (bin ? join(bin, name) : name);
  if (spawnSync(program('pgbench'), ['--version']).status !== 0) throw new Error('pgbench is missing: install PostgreSQL');
  const as = process.getuid() === 0 ? ['runuser', '-u', 'postgres', '--'] : [];
  const home = join(folder, 'postgres');
  mkdirSync(home);
  chmodSync(folder, 0o755);
  if (as.length) execFileSync('chown', ['postgres', home]);
  const run = (words, options) => execFileSync(words[0], words.slice(1), { cwd: '/', encoding: 'utf8', ...options });
  run([...as, program('initdb'), '-A', 'trust', '-U', 'campanile', '-D', join(home, 'data')], { stdio: 'ignore' });
  const port = await freePort();
  run([...as, program('pg_ctl'), '-D', join(home, 'data'), '-o', `-p ${port} -k ${home} -c listen_addresses=127.0.0.1`, '-w', '-l', join(home, 'log'), 'start'], { stdio: 'ignore' });
  try {
    const { child, url } = await serve(`postgres://campanile@127.0.0.1:${port}/postgres`);
    const statement = join(folder, 'create.sql');
    writeFileSync(statement, CALL);
    const seconds = process.env.BENCH_SECONDS ?? '3';
    const pgbench = (connections) => {
      const words = [program('pgbench'), '-n', '-M', 'prepared', '-c', connections, '-j', '2', '-T', seconds, '-f', statement, '-h', '127.0.0.1', '-p', `${port}`, '-U', 'campanile', 'postgres'];
      return Number(run(words).match(/tps = ([\d.]+)/)[1]);
    };
    const ratio = await inTurn(() => load(url, many, CONNECTIONS), () => pgbench('16'));
    table.row(`create on PostgreSQL, against pgbench (${ratio.range})`, ratio.median, '×', '>= 0.6');
    child.kill();
  } finally {
    run([...as, program('pg_ctl'), '-D', join(home, 'data'), '-m', 'immediate', 'stop'], { stdio: 'ignore' });
  }
}

try {
  const all = { creating, reading, postgres, growing };
  for (const part of parts.length ? parts : Object.keys(all)) await all[part]();
} finally {
  stopAll();
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = table.print() ? 0 : 1;
