/** `npm run soak`: runs the pipeline on real servers under all faults, and checks that all ends well. */
import { processes, processNames, type ProcessName } from '../../lib/process/processes';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommanderError } from 'commander';
import { systemClock } from '../../lib/process/clock';
import { S3Front } from '../faults/s3-front';
import { Toxiproxy } from '../faults/toxiproxy';
import { createRandom } from '../gitlab/random';
import { liveOnce } from '../gitlab/life';
import { seed, type Seeded } from '../gitlab/seed';
import { trickle } from '../gitlab/trickle';
import { clearData, refuseForeignFolder } from '../local/stack/clear-data';
import { connectGitlab, type ConnectedGitlab } from '../local/connected-gitlab';
import { drain } from '../local/drain';
import { finalCheck } from '../local/final-check';
import { createFetchProgress } from '../local/fetch/fetch-progress';
import { listenForInterruption } from '../../lib/process/interruption';
import { prepareStack } from '../local/prepare';
import { createProgress, type Progress } from '../../lib/process/progress';
import type { RunningStack } from '../local/stack/running-stack';
import { startStack } from '../local/stack/stack';
import { defaultScope, stackEnvironment } from '../local/stack/stack-environment';
import { Supervisor } from './supervisor';
import { complete, processFault, surroundingsFault, type Fault, type FaultContext } from './faults';
import { Life } from './life';
import { parseSoakOptions, type SoakOptions } from './options';

const scope = defaultScope;
const exitCodes = { held: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * Short times, since a soak cannot wait hours for a sweep. Small statements, so that a kill always interrupts some
 * work.
 */
const brisk = {
  ARCHIVE_SETTLE_MS: '3000',
  ARCHIVE_LEASE_MS: '5000',
  STALE_AGE_MS: '5000',
  STALE_EVERY_MS: '2000',
  SWEEP_PAGE_ROWS: '200',
  DELETE_ROWS_MAX: '100',
};

interface Soak {
  readonly options: SoakOptions;
  readonly stack: RunningStack;
  readonly gitlab: ConnectedGitlab;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Proxies to every server but Kafka; S3's leads through the front that injects errors. */
async function layWays(stack: RunningStack, proxies: Toxiproxy, front: S3Front) {
  const { postgres, redis, registryUrl } = stack.addresses;
  const registry = new URL(registryUrl);
  return {
    postgres: await proxies.proxy('postgres', `${postgres.host}:${postgres.port}`),
    redis: await proxies.proxy('redis', `${redis.host}:${redis.port}`),
    s3: await proxies.proxy('s3', new URL(front.endpoint).host),
    registry: await proxies.proxy('registry', registry.host),
  };
}

type Ways = Awaited<ReturnType<typeof layWays>>;

function environmentOf(stack: RunningStack, ways: Ways) {
  const path = new URL(stack.addresses.registryUrl).pathname;
  return (name: ProcessName): Record<string, string> => ({
    ...stackEnvironment(stack, processes[name].role, scope, name),
    ...brisk,
    POSTGRES_PORT: String(ways.postgres.port),
    REDIS_PORT: String(ways.redis.port),
    S3_ENDPOINT: `http://127.0.0.1:${ways.s3.port}`,
    SCHEMA_REGISTRY_URL: `http://127.0.0.1:${ways.registry.port}${path}`,
  });
}

/** One fault after the other until the time is over. @returns how many there were. */
async function goWrong(
  ground: FaultContext,
  choose: (ground: FaultContext) => Fault,
  pauseMs: readonly [number, number],
): Promise<number> {
  let faults = 0;
  for (;;) {
    const isOver = await sleep(ground.random.whole(...pauseMs), false, {
      signal: ground.signal,
    }).catch(() => true);
    if (isOver) return faults;
    const { title, happen } = choose(ground);
    ground.log(title);
    await happen();
    faults += 1;
  }
}

/** @returns the findings of the stores, of the ledger and of the processes' own ends. */
async function problemsOf(
  { gitlab, stack, signal, progress }: Soak,
  crew: Supervisor,
): Promise<string[]> {
  const { problems, archived, deleted, kept } = await finalCheck(gitlab, stack, {
    scope,
    signal,
    say: progress.line,
  });
  console.log(`archived ${archived} traces, deleted ${deleted} artifacts, kept ${kept}`);
  return [...problems, ...crew.ends];
}

/** First the rest of the seeded work, as far as time allows; then new jobs without end. */
function livingOn(gitlab: ConnectedGitlab, seeded: Seeded): Life {
  const seeds = { isLeft: true };
  return new Life(async (randomSeed, signal) => {
    if (seeds.isLeft) await liveOnce(gitlab, seeded, signal);
    seeds.isLeft = false;
    await trickle(gitlab, { randomSeed, clock: systemClock, signal, everyMs: 300, isOdd: true });
  });
}

interface Suffering extends Pick<FaultContext, 'crew' | 'front' | 'proxies'> {
  readonly life: Life;
}

async function suffer(soak: Soak, { life, crew, ...given }: Suffering) {
  const { options, stack, progress, signal } = soak;
  const random = createRandom(options.randomSeed);
  const over = AbortSignal.any([signal, AbortSignal.timeout(options.minutes * 60_000)]);
  const startedMs = performance.now();
  const log = (line: string): void =>
    progress.line(`${Math.round((performance.now() - startedMs) / 1_000)} s: ${line}`);
  const ground: FaultContext = {
    ...{ stack, crew, random, log, signal: over, database: scope.database, ...given },
    whileGitlabPauses: (work) => life.pauseFor(work),
  };
  for (const name of processNames) {
    for (let one = 0; one < options.instances; one += 1) crew.start(name);
  }
  life.begin();
  const counts = await Promise.all([
    goWrong(ground, processFault, [500, 6_000]),
    goWrong(ground, surroundingsFault, [500, 6_000]),
  ]);
  await life.end();
  complete(crew, options.instances);
  signal.throwIfAborted();
  return { processes: counts[0], surroundings: counts[1] };
}

async function withWays(soak: Soak): Promise<readonly string[]> {
  const { stack, gitlab, progress, signal, options } = soak;
  const front = await S3Front.start(stack);
  const proxies = await Toxiproxy.start(progress.line);
  const ways = await layWays(stack, proxies, front);
  const crew = new Supervisor({
    dataDir: stack.dataDir,
    environmentOf: environmentOf(stack, ways),
  });
  try {
    const { randomSeed } = options;
    const seeded = await seed(gitlab, { builds: 200, artifacts: 5_000, randomSeed });
    const life = livingOn(gitlab, seeded);
    const counts = await suffer(soak, { life, crew, front, proxies: ways });
    const { willGo } = seeded;
    progress.line(`the faults stop after ${JSON.stringify(counts)} faults; the pipeline drains`);
    await drain(stack, gitlab, { scope, willGo, progress, signal });
    const problems = await problemsOf(soak, crew);
    if (crew.gaveUp > 0)
      progress.line(`${crew.gaveUp} times a process gave up waiting for a server at its start`);
    return problems;
  } finally {
    const late = await crew.stop();
    if (late.length > 0) progress.line(`did not end in time: ${late.join(', ')}`);
    await proxies.stop();
    await front.stop();
  }
}

async function soak(options: SoakOptions, progress: Progress): Promise<number> {
  const interruption = listenForInterruption({
    source: process,
    nowMs: () => performance.now(),
    onSecond: () => process.exit(exitCodes.interrupted),
  });
  const { signal } = interruption;
  refuseForeignFolder(options.data);
  const fetchProgress = createFetchProgress(progress);
  const { data: dataDir } = options;
  const stack = await startStack({
    dataDir,
    log: progress.line,
    fetchProgress,
    signal,
    shape: { brokers: options.brokers, isSecure: options.brokers === 3 },
    isFresh: true,
  });
  let problems: readonly string[] | undefined;
  try {
    await prepareStack(stack, { scope, log: progress.line, signal });
    const gitlab = connectGitlab(stack, scope);
    problems = await withWays({ options, stack, gitlab, progress, signal }).finally(() =>
      gitlab.close(),
    );
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new InterruptedError('interrupted: nothing was checked', { cause: error });
  } finally {
    await stack.stop();
    interruption.release();
    if (problems?.length === 0) clearData(dataDir);
    else progress.line(`the data stays in ${dataDir}; the seed was ${options.randomSeed}`);
  }
  problems.forEach((problem) => console.log(problem));
  const verdict = problems.length === 0 ? 'invariants hold' : 'invariants are broken';
  console.log(`${options.minutes} minutes with seed ${options.randomSeed}: ${verdict}`);
  return problems.length === 0 ? exitCodes.held : exitCodes.failed;
}

class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError)
    return error.exitCode === 0 ? exitCodes.held : exitCodes.usage;
  console.error(error instanceof InterruptedError ? error.message : error);
  return error instanceof InterruptedError ? exitCodes.interrupted : exitCodes.failed;
}

async function main(): Promise<void> {
  const progress = createProgress(process.stderr);
  try {
    const options = parseSoakOptions(process.argv.slice(2));
    process.exitCode = await soak({ ...options, data: resolve(options.data) }, progress);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  } finally {
    progress.close();
  }
}

void main();
