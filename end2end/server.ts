import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The executable under test. */
export const program = process.env["CAMPANILE"] ?? fileURLToPath(new URL("../dist/campanile", import.meta.url));

/** A running Campanile with its own, empty store. */
export interface Server {
  /** Its URL, without a slash at the end. */
  url: string;
  /** Its log so far. */
  log(): string;
  stop(): Promise<void>;
}

/** Starts the shipped executable on a free port, which takes some ten milliseconds. */
export async function startServer(args: string[] = []): Promise<Server> {
  if (!existsSync(program)) throw new Error(`${program} is not there: run "make build" first`);
  const listen = args.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
  const store = args.includes("--store") ? [] : ["--store", "memory:"];
  const child = spawn(program, ["serve", ...listen, ...store, ...args], {
    env: { PATH: process.env["PATH"] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const url = await new Promise<string>((resolve, reject) => {
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      log += chunk.toString();
      const ready = /Campanile is ready: (http:\/\/\S+?)\/?\s/.exec(out);
      if (ready?.[1]) resolve(ready[1]);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`campanile ended with ${code} before it was ready:\n${log}`)));
  });
  const health = await fetch(`${url}/healthz`);
  if (!health.ok) throw new Error(`/healthz answered ${health.status}`);
  return { url, log: () => log, stop: () => stop(child) };
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}
