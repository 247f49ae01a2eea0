/** Downloads the servers into a cache outside the work tree, once, for all runs. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { lock } from 'proper-lockfile';
import { projectRoot } from '../../../lib/process/root';
import { FetchError, fetchers, type FetchContext } from './fetchers';
import { barredFolder, databaseUser } from '../stack/os-user';
import {
  parseServerVersions,
  recipeWithVersion,
  serverVersionsVariable,
  type ServerVersions,
} from './server-versions';
import { parts, type PartName } from './versions';

/** Absolute paths of everything that the servers are started from. */
export interface ServerFiles {
  readonly kafkaLibs: string;
  /** Set when the brokers have another version than Connect and the tools. */
  readonly brokerLibs?: string;
  readonly connectPlugins: string;
  readonly registry: string;
  readonly postgres: string;
  readonly redisServer: string;
  readonly objectStorage: string;
}

export interface FetchProgress {
  /** A part begins that is not in the cache yet. */
  begin(part: PartName): void;
  /** @param done in the part's own unit (`versions.ts`). */
  advance(part: PartName, done: number): void;
  end(part: PartName, failed: boolean): void;
}

/** The folder itself may be deleted at any time while no stack runs. */
export function cacheFolder(environment: NodeJS.ProcessEnv): string {
  const configured = environment['AFTERBUILD_CACHE'];
  if (configured !== undefined && configured !== '') return configured;
  // PostgreSQL must not run as root, and no other user may read root's home.
  if (process.getuid?.() === 0) return '/var/cache/afterbuild';
  const base = environment['XDG_CACHE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'afterbuild');
}

const recipeFolder = (name: string): string => join(projectRoot, 'ops/local/servers', name);

/** A changed recipe is another entry, so that two checkouts of different age do not disturb each other. */
function entryName(part: PartName, recipe: string, version: string): string {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
  const files = readdirSync(recipe, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.toSorted()) hash.update(readFileSync(file));
  return `${part}-${version}-${hash.digest('hex').slice(0, 12)}`;
}

interface FetchOptions {
  readonly cache: string;
  readonly progress: FetchProgress;
  readonly signal?: AbortSignal | undefined;
}

async function fetchPart(
  part: PartName,
  options: FetchOptions,
  kafkaLibs?: string,
  version: string = parts[part].version,
): Promise<string> {
  const { folder, fetch } = fetchers[part];
  const pinned = recipeFolder(folder);
  const isPinned = version === parts[part].version;
  const recipe = isPinned ? pinned : recipeWithVersion(pinned, part, version);
  const entry = join(options.cache, entryName(part, recipe, version));
  if (existsSync(entry)) return entry;
  const release = await lock(entry, {
    realpath: false,
    stale: 20_000,
    retries: { retries: 1_200, minTimeout: 500, maxTimeout: 500, factor: 1 },
  });
  try {
    if (!existsSync(entry)) await fetchInto(entry, part, recipe, fetch, options, kafkaLibs);
  } finally {
    await release();
  }
  return entry;
}

async function fetchInto(
  entry: string,
  part: PartName,
  recipe: string,
  fetch: (context: FetchContext) => Promise<void>,
  options: FetchOptions,
  kafkaLibs?: string,
): Promise<void> {
  const target = `${entry}.new`;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  options.progress.begin(part);
  let failed = true;
  try {
    const advance = (done: number): void => options.progress.advance(part, done);
    await fetch({ part, recipe, target, kafkaLibs, signal: options.signal, advance });
    renameSync(target, entry);
    failed = false;
  } finally {
    if (failed) rmSync(target, { recursive: true, force: true });
    options.progress.end(part, failed);
  }
}

function checkCache(cache: string): void {
  try {
    mkdirSync(cache, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new FetchError(`The cache folder ${cache} cannot be made; set AFTERBUILD_CACHE.`, {
      cause: error,
    });
  }
  const user = databaseUser();
  const barred = user === undefined ? undefined : barredFolder(cache, user);
  if (user !== undefined && barred !== undefined) {
    throw new FetchError(
      `PostgreSQL runs as user ${user.name}, who may not enter ${barred}; set AFTERBUILD_CACHE to a folder outside.`,
    );
  }
}

/**
 * @returns the paths; after the first time without any network access.
 * @throws FetchError: one sentence that names the missing part and the reason.
 */
export async function fetchServers(options: FetchOptions): Promise<ServerFiles> {
  process.umask(0o022);
  checkCache(options.cache);
  const wanted: ServerVersions = parseServerVersions(process.env[serverVersionsVariable]);
  const viaMaven = async () => {
    const kafkaLibs = await fetchPart('kafka', options, undefined, wanted.kafka);
    const broker =
      wanted.broker === undefined
        ? {}
        : { brokerLibs: await fetchPart('kafka', options, undefined, wanted.broker) };
    const connectPlugins = await fetchPart(
      'connectPlugins',
      options,
      kafkaLibs,
      wanted.connectPlugins,
    );
    const registry = await fetchPart('registry', options, undefined, wanted.registry);
    const redisServer = await findRedis(options);
    return { kafkaLibs, ...broker, connectPlugins, registry, redisServer };
  };
  const [java, postgres, objectStorage] = await Promise.all([
    viaMaven(),
    fetchPart('postgres', options),
    fetchPart('objectStorage', options),
  ]);
  return { ...java, postgres, objectStorage: join(objectStorage, 'versitygw') };
}

/**
 * Toxiproxy, which no stack contains: only tests of faults use it.
 * @returns the program's path.
 */
export async function fetchFaultProxy(options: FetchOptions): Promise<string> {
  checkCache(options.cache);
  return join(await fetchPart('faultProxy', options), 'toxiproxy');
}

/** @returns the folder of kafka-viewer and all that it needs, for PYTHONPATH. */
export function fetchKafkaUi(options: FetchOptions): Promise<string> {
  checkCache(options.cache);
  return fetchPart('kafkaUi', options);
}

async function findRedis(options: FetchOptions): Promise<string> {
  const installed = (process.env['PATH'] ?? '')
    .split(':')
    .map((folder) => join(folder, 'redis-server'))
    .find((path) => existsSync(path));
  if (installed !== undefined) return installed;
  const folder = await fetchPart('redis', options);
  const binary = readdirSync(folder).find((file) => file.startsWith('redis-server'));
  if (binary !== undefined) return join(folder, binary);
  throw new FetchError(
    `No Redis is known for ${process.platform} ${process.arch}; install redis-server and start again.`,
  );
}
