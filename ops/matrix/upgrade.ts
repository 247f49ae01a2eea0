/**
 * The steps of docs/runbooks/upgrade.md on a stack that begins with older servers, while builds finish and
 * artifacts expire. Ends with the same check as `npm start -- --once`.
 */
import {
  consumerNames,
  processes,
  processNames,
  producerNames,
  type ProcessName,
} from '../../lib/process/processes';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../lib/process/clock';
import { seed } from '../gitlab/seed';
import { trickle } from '../gitlab/trickle';
import { connectGitlab, type ConnectedGitlab } from '../local/connected-gitlab';
import { drain } from '../local/drain';
import { cacheFolder, fetchServers, type ServerFiles } from '../local/fetch/fetch';
import { createFetchProgress } from '../local/fetch/fetch-progress';
import { finalCheck } from '../local/final-check';
import { prepareStack, runAfterbuild } from '../local/prepare';
import type { Progress } from '../../lib/process/progress';
import type { RunningStack } from '../local/stack/running-stack';
import { serverVersionsVariable } from '../local/fetch/server-versions';
import { startStack } from '../local/stack/stack';
import { defaultScope, stackEnvironment } from '../local/stack/stack-environment';
import { updateStackFile } from '../local/stack/stack-file';
import { Supervisor } from '../soak/supervisor';
import { Life } from '../soak/life';
import type { Result } from './main-job';

const scope = defaultScope;
const brisk = { ARCHIVE_SETTLE_MS: '3000', STALE_AGE_MS: '5000', STALE_EVERY_MS: '2000' };

interface UpgradeOptions {
  /** Versions of the parts that are upgraded, as `AFTERBUILD_SERVER_VERSIONS` names them. */
  readonly from: string;
  /** Load before the first step, between two, and after the last. */
  readonly seconds: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

interface Upgrade extends UpgradeOptions {
  readonly stack: RunningStack;
  readonly gitlab: ConnectedGitlab;
  readonly crew: Supervisor;
}

/** From the next start on the servers run from these files. */
const use = (stack: RunningStack, files: Partial<ServerFiles>): Promise<void> =>
  updateStackFile(stack.dataDir, (file) => ({
    ...file,
    place: { ...file.place, files: { ...file.place.files, ...files } },
  }));

async function replaceCrew(crew: Supervisor, seconds: number, signal: AbortSignal): Promise<void> {
  for (const name of [...consumerNames, ...producerNames]) {
    for (const { label } of crew.members().filter((member) => member.name === name)) {
      crew.retire(label);
      await sleep((seconds * 1_000) / 4, undefined, { signal });
    }
  }
}

/** The runbook's steps, each by name. */
function stepsOf({ stack, crew, seconds, signal }: Upgrade, pinned: ServerFiles) {
  const { connect, kafka } = stack.servers;
  const applyConnector = () =>
    runAfterbuild(['connect', 'apply'], stackEnvironment(stack, 'cdc', scope), signal);
  const restart = async (server: typeof connect, files: Partial<ServerFiles>): Promise<void> => {
    await server.stop();
    await use(stack, files);
    await server.start();
  };
  const steps: readonly (readonly [title: string, step: () => Promise<unknown>])[] = [
    ['our processes, one after the other', () => replaceCrew(crew, seconds, signal)],
    [
      'topics apply, schemas register',
      async () => {
        const environment = stackEnvironment(stack, 'reader', scope);
        await runAfterbuild(['topics', 'apply'], environment, signal);
        await runAfterbuild(['schemas', 'register'], environment, signal);
      },
    ],
    [
      'Debezium',
      async () => {
        await restart(connect, { connectPlugins: pinned.connectPlugins });
        await applyConnector();
      },
    ],
    [
      'Kafka Connect, then the broker',
      async () => {
        await connect.stop();
        await use(stack, { kafkaLibs: pinned.kafkaLibs });
        await kafka.stop();
        await kafka.start();
        await connect.start();
        await applyConnector();
      },
    ],
  ];
  return steps;
}

async function upgrade(context: Upgrade, pinned: ServerFiles): Promise<string[]> {
  const { stack, gitlab, crew, seconds, progress, signal } = context;
  const { willGo } = await seed(gitlab, { builds: 100, artifacts: 3_000, randomSeed: 1 });
  for (const name of processNames) crew.start(name);
  const life = new Life((randomSeed, until) =>
    trickle(gitlab, { randomSeed, clock: systemClock, signal: until, everyMs: 300 }),
  );
  life.begin();
  try {
    await sleep(seconds * 1_000, undefined, { signal });
    for (const [title, step] of stepsOf(context, pinned)) {
      progress.line(`upgrading: ${title}`);
      await step();
      await sleep(seconds * 1_000, undefined, { signal });
    }
  } finally {
    await life.end();
  }
  await drain(stack, gitlab, { scope, willGo, progress, signal });
  const { problems } = await finalCheck(gitlab, stack, { scope, signal, say: progress.line });
  return [...problems, ...crew.ends];
}

export async function upgradeUnderLoad(options: UpgradeOptions): Promise<Result> {
  const { from, progress, signal } = options;
  const dataDir = mkdtempSync(join(tmpdir(), 'afterbuild-upgrade-'));
  const fetchProgress = createFetchProgress(progress);
  const startedMs = performance.now();
  const pinned = await fetchServers({
    cache: cacheFolder(process.env),
    progress: fetchProgress,
    signal,
  });
  process.env[serverVersionsVariable] = from;
  const stack = await startStack({ dataDir, log: progress.line, fetchProgress, signal });
  let problems: readonly string[] = ['the upgrade was not finished'];
  try {
    await prepareStack(stack, { scope, log: progress.line, signal });
    const gitlab = connectGitlab(stack, scope);
    const environmentOf = (name: ProcessName): Record<string, string> => ({
      ...stackEnvironment(stack, processes[name].role, scope),
      ...brisk,
    });
    const crew = new Supervisor({ dataDir, environmentOf });
    try {
      problems = await upgrade({ ...options, stack, gitlab, crew }, pinned);
    } finally {
      await crew.stop();
      await gitlab.close();
    }
  } finally {
    await stack.stop();
  }
  const passed = problems.length === 0;
  if (passed) rmSync(dataDir, { recursive: true, force: true });
  return {
    title: `upgrade from ${from}`,
    passed,
    seconds: Math.round((performance.now() - startedMs) / 1_000),
    says: passed ? 'invariants hold' : `${problems.join('; ')} (data: ${dataDir})`,
  };
}
