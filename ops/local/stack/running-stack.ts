/**
 * A handle on the servers of one data folder.
 *
 * It holds no state of its own: everything is in `stack.json`, so a handle in another process (a jest worker, a
 * developer's script) sees the same servers and may stop, kill and start them as well.
 */
import { logFile } from './data-folder';
import { isRunning, type ProcessIdentity } from './process-identity';
import {
  brokersOf,
  serversOf,
  type FurtherBrokerName,
  type Place,
  type ServerName,
} from './server';
import {
  ServerError,
  awaitReady,
  killServer,
  launchServer,
  signalServer,
  stopServer,
} from './server-process';
import { servers } from './servers';
import { readStackFile, updateStackFile, type Addresses, type StackFile } from './stack-file';

export interface ServerHandle {
  readonly name: ServerName;
  readonly title: string;
  readonly logFile: string;
  /** Undefined while it does not run. */
  pid(): number | undefined;
  /** Starts it on its old port with its old data and waits until it is ready. */
  start(): Promise<void>;
  /** Asks it to end and waits until it has. */
  stop(): Promise<void>;
  /** SIGKILL (the default) waits for the end; SIGSTOP and SIGCONT freeze and thaw it. */
  kill(signal?: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
}

type Optional = FurtherBrokerName | 'kafkaUi';
type StackServers = Readonly<Record<Exclude<ServerName, Optional>, ServerHandle>> &
  Readonly<Partial<Record<Optional, ServerHandle>>>;

export interface RunningStack {
  readonly dataDir: string;
  readonly addresses: Addresses;
  readonly servers: StackServers;
  /** Stops all servers in order. Data, ports and passwords stay. */
  stop(): Promise<void>;
}

function currentStack(dataDir: string): StackFile {
  const stack = readStackFile(dataDir);
  if (stack !== undefined) return stack;
  throw new ServerError(`No stack is described in ${dataDir}; start one there first.`);
}

function recordServer(
  dataDir: string,
  name: ServerName,
  identity: ProcessIdentity | undefined,
): Promise<void> {
  return updateStackFile(dataDir, (stack) => {
    const kept = Object.entries(stack.servers).filter(([other]) => other !== name);
    const added = identity === undefined ? [] : [[name, identity] as const];
    return { ...stack, servers: Object.fromEntries([...kept, ...added]) };
  });
}

/** Starts one server and records its pid before waiting for it, so that it is never lost. */
export async function startServer(
  name: ServerName,
  place: Place,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  const identity = await launchServer(name, servers[name], place, signal);
  await recordServer(place.dataDir, name, identity);
  await awaitReady(name, servers[name], place, identity, signal);
}

function createHandle(dataDir: string, name: ServerName): ServerHandle {
  const identity = (): ProcessIdentity | undefined => {
    const known = currentStack(dataDir).servers[name];
    return isRunning(known) ? known : undefined;
  };
  const forget = () => recordServer(dataDir, name, undefined);
  return {
    name,
    title: servers[name].title,
    logFile: logFile(dataDir, name),
    pid: () => identity()?.pid,
    async start() {
      if (identity() === undefined) await startServer(name, currentStack(dataDir).place);
    },
    async stop() {
      const running = identity();
      if (running === undefined) return;
      await stopServer(servers[name], running);
      await forget();
    },
    async kill(signal = 'SIGKILL') {
      const running = identity();
      if (running === undefined) return;
      if (signal !== 'SIGKILL') {
        signalServer(running, signal);
        return;
      }
      await killServer(servers[name], running);
      await forget();
    },
  };
}

/** Stops the brokers at once: the last of three alone could not report its end to a controller. */
function inStopOrder(place: Place): readonly (readonly ServerName[])[] {
  const brokers: readonly ServerName[] = brokersOf(place);
  return serversOf(place).flatMap((name) => {
    if (!brokers.includes(name)) return [[name]];
    return name === 'kafka' ? [brokers] : [];
  });
}

/** Stops all running servers, in order, and goes on when one resists. */
export async function stopServers(dataDir: string): Promise<void> {
  const failures: unknown[] = [];
  for (const names of inStopOrder(currentStack(dataDir).place)) {
    const stopping = names.map((name) => createHandle(dataDir, name).stop());
    const ends = await Promise.allSettled(stopping);
    for (const end of ends) if (end.status === 'rejected') failures.push(end.reason);
  }
  if (failures.length > 0) throw failures[0];
}

/**
 * @param dataDir folder of a stack that was started by this or any other process.
 * @throws ServerError when it describes no stack.
 */
export function attachStack(dataDir: string): RunningStack {
  const { addresses, place } = currentStack(dataDir);
  const handles = Object.fromEntries(
    serversOf(place).map((name) => [name, createHandle(dataDir, name)]),
  ) as unknown as StackServers;
  return { dataDir, addresses, servers: handles, stop: () => stopServers(dataDir) };
}
