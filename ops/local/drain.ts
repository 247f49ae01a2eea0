/** Waits until the pipeline has finished all possible work, by the state of the stores. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createTopicAdmin, type TopicAdmin } from '../../lib/kafka/topics/admin';
import { createKafka } from '../../lib/kafka/kafkajs/create-kafka';
import { failureGroups, failureTopics, retryDelays } from '../../lib/kafka/topics/topics';
import { connectionSchema, loadConfig } from '../../lib/process/config';
import { createLogger } from '../../lib/process/logger';
import { countOpenTraces, countOpenWork } from '../gitlab/open-work';
import type { ConnectedGitlab } from './connected-gitlab';
import { waitOut } from './outages';
import type { Progress } from '../../lib/process/progress';
import type { RunningStack } from './stack/running-stack';
import { stackEnvironment, type StackScope } from './stack/stack-environment';

const lookEveryMs = 500;
/** The seeding lets artifacts expire within seconds while the pipeline runs; all others have hours. */
const soonMs = 60_000;
/** Longer than any retry of the pipeline; the servers are on this machine. */
const standstillMs = 5 * 60_000;

interface DrainOptions {
  readonly scope: StackScope;
  /** How many artifacts may be deleted in all. */
  readonly willGo: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** The unfinished work of each consumer, retries included. */
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

interface OpenNow {
  /** Rows that are due, or will be within a minute. */
  readonly artifacts: number;
  readonly traces: number;
  /** Not committed by a consumer, retries included. */
  readonly records: number;
}

/** A bar for each kind of work, since one may be done long before the other. */
function showWork(progress: Progress, willGo: number, first: OpenNow) {
  const artifacts = progress.bar('deleting expired artifacts', willGo, 'artifacts');
  const traces = progress.bar('archiving traces', first.traces, 'traces');
  const ended = { artifacts: false, traces: false };
  let mostTraces = first.traces;
  const end = (kind: 'artifacts' | 'traces', outcome: string): void => {
    if (ended[kind]) return;
    ended[kind] = true;
    (kind === 'artifacts' ? artifacts : traces).finish(outcome);
  };
  return {
    update(open: OpenNow): void {
      mostTraces = Math.max(mostTraces, open.traces);
      if (open.artifacts === 0) end('artifacts', 'no row is due');
      else if (!ended.artifacts) artifacts.update(Math.max(0, willGo - open.artifacts));
      if (open.traces === 0) end('traces', 'no trace waits');
      else if (!ended.traces) traces.update(Math.min(first.traces, mostTraces - open.traces));
    },
    close(outcome: string): void {
      end('artifacts', outcome);
      end('traces', outcome);
    },
  };
}

const inWords = ({ artifacts, traces, records }: OpenNow): string =>
  `${artifacts} artifacts are due, ${traces} traces wait, ${records} records are not done`;

/**
 * Done means: no row is due, none will be within a minute, no finished build has a live trace, and both consumers have
 * committed every record, since objects are deleted after their rows.
 * @throws Error when nothing moves for five minutes.
 */
async function waitForQuiet(
  look: () => Promise<OpenNow>,
  { willGo, progress, signal }: DrainOptions,
): Promise<void> {
  let open = await look();
  const shown = showWork(progress, willGo, open);
  let last = { open: inWords(open), atMs: performance.now() };
  let isLastTold = false;
  try {
    for (;;) {
      shown.update(open);
      const rows = open.artifacts + open.traces;
      if (rows === 0 && open.records === 0) break;
      if (rows === 0 && !isLastTold) {
        progress.line(
          `the last ${open.records} records are being finished; some may wait half a minute for their retry`,
        );
        isLastTold = true;
      }
      if (inWords(open) !== last.open) last = { open: inWords(open), atMs: performance.now() };
      if (performance.now() - last.atMs > standstillMs) {
        throw new Error(
          `Nothing moved for 5 minutes: ${inWords(open)}. The logs of the processes say why.`,
        );
      }
      await sleep(lookEveryMs, undefined, { signal });
      open = await look();
    }
  } finally {
    shown.close('given up');
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
  const { progress, signal } = options;
  const patience = { signal, say: progress.line };
  const lookOnce = async (): Promise<OpenNow> => {
    const { due, soon } = await countOpenWork(gitlab.pool, soonMs);
    const traces = await countOpenTraces(gitlab.pool);
    const records = await openRecords(admin, scope.namespace ?? '');
    return { artifacts: due + soon, traces, records };
  };
  await waitOut('the demonstration', () => admin.connect(), patience);
  try {
    await waitForQuiet(() => waitOut('the demonstration', lookOnce, patience), options);
  } finally {
    await admin.disconnect();
  }
}
