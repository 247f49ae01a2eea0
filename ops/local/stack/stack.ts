/** Starts all servers of a local stack in a data folder; each folder holds one stack. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { lock } from 'proper-lockfile';
import { clearData } from './clear-data';
import { choosePostgresDir, prepareDataFolder, writeFileAtomically } from './data-folder';
import { cacheFolder, fetchServers, type FetchProgress } from '../fetch/fetch';
import { killLeftProcesses } from '../end-at-once';
import { grantRights } from './grant-rights';
import { ensureKafkaPasswords } from './kafka-access';
import { ensureKafkaTls } from './kafka-tls';
import { databaseUser } from './os-user';
import { choosePorts, isPortFree, portsFromEnvironment, type Ports } from './ports';
import { systemIdentifier } from './postgres';
import { identifyProcess, isRunning } from './process-identity';
import { attachStack, startServer, stopServers, type RunningStack } from './running-stack';
import {
  brokersOf,
  plainShape,
  serverNames,
  shapeOf,
  type Place,
  type ServerName,
  type StackShape,
} from './server';
import { describeStack, readStackFile, updateStackFile, writeStackFile } from './stack-file';

/** The folder is in use; the message names the user. */
export class StackBusyError extends Error {
  override readonly name = 'StackBusyError';
}

interface StackOptions {
  /** Made if absent; all data of the servers is below it. */
  readonly dataDir: string;
  /** Called with one sentence at a time. */
  readonly log: (line: string) => void;
  readonly fetchProgress: FetchProgress;
  /** By default the shape of the folder, or one open broker. */
  readonly shape?: StackShape | undefined;
  /** These ports and no others; else those of the environment, those of the last time, or free ones. */
  readonly ports?: Partial<Ports>;
  /** The servers go on when this process ends. */
  readonly background?: boolean;
  /** Begins with empty servers: the data in the folder is removed. */
  readonly isFresh?: boolean;
  /** Cancels the start; started servers are stopped. */
  readonly signal?: AbortSignal | undefined;
}

/** Its data belongs to another kind of stack. */
export class StackShapeError extends Error {
  override readonly name = 'StackShapeError';
}

const lockStaleMs = 10_000;

/** Held while a stack is started or stopped, and by the owner of a stack as long as it runs. */
async function lockFolder(dataDir: string): Promise<() => Promise<void>> {
  const ownerFile = join(dataDir, 'stack.owner');
  const owner = existsSync(ownerFile) ? Number(readFileSync(ownerFile, 'utf8')) : undefined;
  const mayBeStale = owner === undefined || identifyProcess(owner) === undefined;
  // The lock of a killed process goes stale after a while; a living one is not waited for.
  const waitedRetries = { retries: 14, minTimeout: 1_000, maxTimeout: 1_000, factor: 1 };
  try {
    const release = await lock(join(dataDir, 'stack'), {
      realpath: false,
      stale: lockStaleMs,
      retries: mayBeStale ? waitedRetries : 0,
    });
    writeFileAtomically(ownerFile, String(process.pid));
    return release;
  } catch (error) {
    throw new StackBusyError(
      `Another command is using ${dataDir}${owner === undefined ? '' : ` (process ${owner})`}; stop it first, or place this one elsewhere with --data.`,
      { cause: error },
    );
  }
}

/** Names of the running servers of that folder, started by any process. */
export function runningServers(dataDir: string): ServerName[] {
  const running = readStackFile(dataDir)?.servers ?? {};
  return serverNames.filter((name) => isRunning(running[name]));
}

/** Left by a killed owner: they are stopped here. */
async function clearLeftovers(options: StackOptions): Promise<void> {
  const { dataDir, log } = options;
  const processes = await killLeftProcesses(dataDir);
  if (processes.length > 0) log(`ended what a killed run had left behind: ${processes.join(', ')}`);
  const left = runningServers(dataDir);
  if (left.length === 0) return;
  if (readStackFile(dataDir)?.owner === undefined) {
    throw new StackBusyError(
      `A stack is up in ${dataDir}; stop it with \`npm run stack -- down\`, or place this one elsewhere with --data.`,
    );
  }
  log(`stopping what a killed run left behind: ${left.join(', ')}`);
  await stopServers(dataDir);
}

async function rememberPorts(options: StackOptions): Promise<Ports> {
  const file = join(options.dataDir, 'ports.json');
  const remembered = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<Ports>)
    : {};
  const configured = { ...portsFromEnvironment(process.env), ...options.ports };
  const wishes = { configured, remembered, isFree: isPortFree, random: Math.random };
  const ports = await choosePorts(wishes);
  writeFileAtomically(file, `${JSON.stringify(ports, undefined, 2)}\n`);
  return ports;
}

const inWords = ({ brokers, isSecure }: StackShape): string =>
  `${brokers} ${isSecure ? 'secure' : 'open'} broker${brokers === 1 ? '' : 's'}`;

/**
 * @param wanted by default the existing shape, or one open broker.
 * @throws StackShapeError when the folder's data is of another shape than the wanted one.
 */
export function chooseShape(dataDir: string, wanted: StackShape | undefined): StackShape {
  const described = readStackFile(dataDir)?.place;
  const found = described === undefined ? undefined : shapeOf(described);
  const shape = wanted ?? found ?? plainShape;
  if (found === undefined || inWords(found) === inWords(shape)) return shape;
  throw new StackShapeError(
    `The data in ${dataDir} is that of ${inWords(found)}, not of ${inWords(shape)}: place this one elsewhere with --data.`,
  );
}

async function preparePlace(options: StackOptions): Promise<Place> {
  const { dataDir, log, fetchProgress: progress, signal } = options;
  const shape = chooseShape(dataDir, options.shape);
  const files = await fetchServers({ cache: cacheFolder(process.env), progress, signal });
  prepareDataFolder(dataDir);
  const user = databaseUser();
  const { dir, barred } = choosePostgresDir(dataDir, user);
  if (user !== undefined && barred !== undefined) {
    log(`PostgreSQL runs as user ${user.name}, who may not enter ${barred}: its data is in ${dir}`);
  }
  if (shape.isSecure) {
    ensureKafkaPasswords(dataDir);
    await ensureKafkaTls(dataDir);
  }
  const ports = await rememberPorts(options);
  return { dataDir, postgresDir: dir, databaseUser: user, files, ports, shape };
}

async function startAll(place: Place, options: StackOptions): Promise<void> {
  const owner = options.background === true ? undefined : identifyProcess(process.pid);
  writeStackFile(describeStack(place, '', owner));
  const started = performance.now();
  const startOne = async (name: ServerName): Promise<void> => {
    await startServer(name, place, options.signal);
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    options.log(`${name} is ready after ${seconds} s`);
  };
  // Connect gives up on a broker that takes more than a minute, as it may on a busy machine.
  const kafkaThenConnect = async (): Promise<void> => {
    await Promise.all(brokersOf(place).map(startOne));
    await grantRights(place, '');
    await startOne('connect');
  };
  const others: readonly ServerName[] = ['registry', 'postgres', 'redis', 'objectStorage'];
  const outcomes = await Promise.allSettled([kafkaThenConnect(), ...others.map(startOne)]);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const identifier = await systemIdentifier(place);
  await updateStackFile(place.dataDir, (stack) => ({
    ...describeStack(place, identifier, owner),
    servers: stack.servers,
  }));
}

/**
 * Starts every server, fetching it first if needed, and waits until all of them answer.
 * @returns a handle; unless `background`, its `stop()` also frees the folder for others.
 * @throws StackBusyError, FetchError, ServerError, or an AbortError: then nothing is left running.
 */
export async function startStack(given: StackOptions): Promise<RunningStack> {
  const dataDir = resolve(given.dataDir);
  const options = { ...given, dataDir };
  mkdirSync(dataDir, { recursive: true, mode: 0o755 });
  const release = await lockFolder(dataDir);
  try {
    await clearLeftovers(options);
    if (options.isFresh === true) clearData(dataDir);
    const place = await preparePlace(options);
    await startAll(place, options).catch(async (error: unknown) => {
      await stopServers(dataDir);
      throw error;
    });
  } catch (error) {
    await release();
    throw error;
  }
  const stack = attachStack(dataDir);
  if (options.background === true) {
    await release();
    return stack;
  }
  const stop = async (): Promise<void> => {
    await stopServers(dataDir);
    await release();
  };
  return { ...stack, stop };
}

/**
 * Stops the background servers of that folder, and the servers and processes that a killed run has left there.
 * @returns their names.
 * @throws StackBusyError while its owner runs.
 */
export async function stopStack(dataDir: string): Promise<readonly string[]> {
  if (!existsSync(dataDir)) return [];
  const release = await lockFolder(dataDir);
  try {
    const processes = await killLeftProcesses(dataDir);
    const names = runningServers(dataDir);
    if (names.length > 0) await stopServers(dataDir);
    return [...processes, ...names];
  } finally {
    await release();
  }
}
