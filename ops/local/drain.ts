/** Waits until the pipeline has done all that may be done, by what the stores say. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createTopicAdmin, type TopicAdmin } from '../../lib/kafka/admin';
import { createKafka } from '../../lib/kafka/connection';
import { failureGroups, failureTopics, retryDelays } from '../../lib/kafka/topics';
import { connectionSchema, loadConfig } from '../../lib/process/config';
import { createLogger } from '../../lib/process/logger';
import { countOpenTraces, countOpenWork } from '../gitlab/open-work';
import type { ConnectedGitlab } from './connected-gitlab';
import type { Progress } from './progress';
import type { RunningStack } from './running-stack';
import { stackEnvironment, type StackScope } from './stack-environment';

const lookEveryMs = 500;
/** What the seeding lets expire while the pipeline runs does so within seconds; all else has hours. */
const soonMs = 60_000;
/** Longer than any retry of the pipeline; the servers are on this machine. */
const standstillMs = 5 * 60_000;

export interface DrainOptions {
  readonly scope: StackScope;
  /** How many artifacts may go in all. */
  readonly willGo: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What each consumer has still to do, what it has put off included. */
const readers = failureGroups
  .filter(({ retries }) => retries)
  .flatMap(({ topic, group }) => {
    const putOff = retryDelays.map((delay) => failureTopics.retry(topic, group, delay));
    return [topic, ...putOff].map((one) => ({ group, topic: one }));
  });

async function openRecords(admin: TopicAdmin, namespace: string): Promise<number> {
  const lags = await Promise.all(
    readers.map(({ group, topic }) => admin.lag(`${namespace}${group}`, `${namespace}${topic}`)),
  );
  return lags.flat().reduce((sum, { records }) => sum + records, 0);
}

/**
 * Done means: no row is due, none will be within a minute, no finished build has a live trace, and both
 * consumers have committed every record, for objects go after their rows.
 * @throws Error when nothing moves for five minutes.
 */
async function waitForQuiet(
  gitlab: ConnectedGitlab,
  admin: TopicAdmin,
  { scope, willGo, progress, signal }: DrainOptions,
): Promise<void> {
  const bar = progress.bar('deleting expired artifacts', willGo, 'artifacts');
  let last = { rows: Number.POSITIVE_INFINITY, atMs: performance.now() };
  let isQuiet = false;
  try {
    while (!isQuiet) {
      const { due, soon } = await countOpenWork(gitlab.pool, soonMs);
      const traces = await countOpenTraces(gitlab.pool);
      const rows = due + soon + traces;
      bar.update(Math.max(0, willGo - due - soon));
      const records = await openRecords(admin, scope.namespace ?? '');
      isQuiet = rows === 0 && records === 0;
      if (rows !== last.rows) last = { rows, atMs: performance.now() };
      if (!isQuiet && performance.now() - last.atMs > standstillMs) {
        throw new Error(
          `Nothing moved for 5 minutes: ${due + soon} artifacts are due, ${traces} traces wait, ${records} records are not done. The logs of the processes say why.`,
        );
      }
      if (!isQuiet) await sleep(lookEveryMs, undefined, { signal });
    }
  } finally {
    bar.finish(isQuiet ? 'nothing is left to do' : 'given up');
  }
}

export async function drain(
  stack: RunningStack,
  gitlab: ConnectedGitlab,
  options: DrainOptions,
): Promise<void> {
  const { scope } = options;
  const config = loadConfig(connectionSchema, stackEnvironment(stack, 'reader', scope));
  const kafka = createKafka(config, 'afterbuild-start', createLogger('start', 'silent'));
  const admin = createTopicAdmin(kafka, { namespace: scope.namespace ?? '' });
  await admin.connect();
  try {
    await waitForQuiet(gitlab, admin, options);
  } finally {
    await admin.disconnect();
  }
}
