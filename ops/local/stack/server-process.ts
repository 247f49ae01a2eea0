/** Starts a server as a process that outlives this one, waits until it is ready, and stops it by pid. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { logFile } from './data-folder';
import { identifyProcess, isRunning, type ProcessIdentity } from './process-identity';
import type { Command, Place, Server, ServerName } from './server';

/** Names the server that did not start, its last log lines and the place of its log. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
}

const readyWithinMs = 180_000;
const pollMs = 100;
const quotedLines = 12;

/** Only the variables that a server needs: it must not get the secrets of our own environment. */
const inherited = ['PATH', 'HOME', 'TZ', 'TMPDIR', 'JAVA_HOME'];
/** Without it Java cannot open a file with other letters than ASCII's in its name; a Mac does not need it. */
export const serverLocale =
  process.platform === 'linux' ? { LC_ALL: 'C.UTF-8' } : { LANG: process.env['LANG'] };

export function lastLines(path: string, count: number): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
  } catch {
    return '';
  }
}

function failure(server: Server, log: string, what: string): ServerError {
  const words = lastLines(log, quotedLines);
  return new ServerError(
    `${server.title} ${what}.${words === '' ? '' : ` Its last words:\n${words}\n`} The whole log is in ${log}.`,
  );
}

function launch(command: Command, log: string): Promise<ProcessIdentity | undefined> {
  const fixed = Object.fromEntries(inherited.map((name) => [name, process.env[name]]));
  const output = openSync(log, 'a', 0o600);
  const child = spawn(command.file, command.args, {
    // A group of its own: Ctrl-C must reach only this process, which stops the servers in order.
    detached: true,
    stdio: ['ignore', output, output],
    cwd: '/',
    env: { ...fixed, ...serverLocale, ...command.env },
    ...(command.user && { uid: command.user.uid, gid: command.user.gid }),
  });
  closeSync(output);
  child.unref();
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => {
      resolve(child.pid === undefined ? undefined : identifyProcess(child.pid));
    });
  });
}

/** Configures and launches it. @throws ServerError when it cannot be launched at all. */
export async function launchServer(
  name: ServerName,
  server: Server,
  place: Place,
  signal?: AbortSignal,
): Promise<ProcessIdentity> {
  const log = logFile(place.dataDir, name);
  try {
    await server.configure(place, signal);
    signal?.throwIfAborted();
    const identity = await launch(server.start(place), log);
    if (identity !== undefined) return identity;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ServerError(`${server.title} could not be started: ${reason}`, { cause: error });
  }
  throw failure(server, log, 'ended at once');
}

/**
 * Waits until the server answers, 3 minutes at most.
 * @throws ServerError with its last log lines when it ends or stays silent; AbortError on `signal`.
 */
export async function awaitReady(
  name: ServerName,
  server: Server,
  place: Place,
  identity: ProcessIdentity,
  signal?: AbortSignal,
): Promise<void> {
  const log = logFile(place.dataDir, name);
  const deadline = performance.now() + readyWithinMs;
  for (;;) {
    signal?.throwIfAborted();
    if (!isRunning(identity)) throw failure(server, log, 'ended while it was starting');
    if (await server.ready(place)) return;
    if (performance.now() > deadline) {
      throw failure(server, log, `did not answer within ${readyWithinMs / 1_000} seconds`);
    }
    await sleep(pollMs);
  }
}

/** Does nothing if the process is gone or its pid belongs to another process by now. */
export function signalServer(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function awaitEnd(identity: ProcessIdentity, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (isRunning(identity)) {
    if (performance.now() > deadline) return false;
    await sleep(pollMs / 4);
  }
  return true;
}

/** Kills at once. @throws ServerError when it still runs after 10 seconds. */
export async function killServer(server: Server, identity: ProcessIdentity): Promise<void> {
  signalServer(identity, 'SIGKILL');
  if (await awaitEnd(identity, 10_000)) return;
  throw new ServerError(`${server.title} (process ${identity.pid}) cannot be stopped.`);
}

/** Asks it to end, and kills it when its time is over. */
export async function stopServer(server: Server, identity: ProcessIdentity): Promise<void> {
  signalServer(identity, server.stop.signal);
  if (!(await awaitEnd(identity, server.stop.graceMs))) await killServer(server, identity);
}
