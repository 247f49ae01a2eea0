/**
 * Runs a replay: the work of a process, in a group of its own, on a stretch of its topic, until the stretch is done.
 *
 * Nothing that the process does beside its records runs (sweeps, guards, reports of its status), and it serves no pages:
 * its live instances do all that.
 */
import type { OffsetRange } from '../kafka/commit-map';
import { topicNames } from '../kafka/topics/topics';
import { ConfigError, type Environment } from '../process/config';
import type { ExitCode } from '../process/exit-codes';
import { asError } from '../process/is-error';
import type { Logger } from '../process/logger';
import { replayGroup, type ReplayDefinition } from '../replay/record';
import { watchReplay, type Ending, type WatchPorts } from '../replay/watch';
import type { StretchConsumer } from '../runtime/stretch';
import { withHealth } from './health';
import { workAs, type GroupProcess, type GroupSettings, type Membership } from './run-group';
import { runProcess } from './run-process';

export interface ReplayOrder {
  readonly definition: ReplayDefinition;
  readonly ports: WatchPorts;
  readonly logger: Logger;
}

export interface ReplayReport {
  /** Null when a signal or a failure has ended it before: a further run goes on. */
  readonly ending: Ending | null;
  /** Of a failure, 0 for any other end. */
  readonly exitCode: ExitCode;
  /** What the process counts (docs/metrics.md), by its name and labels; zeros are left out. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Until it is over, or SIGTERM or SIGINT asks for a drain. Never rejects: errors are logged. */
export async function runReplay<Config extends GroupSettings>(
  process: GroupProcess<Config>,
  environment: Environment,
  { definition, ports, logger }: ReplayOrder,
): Promise<ReplayReport> {
  let ending: Ending | null = null;
  let counts: Readonly<Record<string, number>> = {};
  const exitCode = await runProcess(
    process.name,
    environment,
    async (context) => {
      const config = process.readSettings(environment);
      refuseDryRun(process, config);
      const settings = { ...config, HTTP_PORT: undefined };
      return withHealth(process.name, settings, context, async (living) => {
        const over = new AbortController();
        const watched = {
          topic: `${config.AFTERBUILD_NAMESPACE}${definition.topic}`,
          ranges: rangesOf(definition),
          liveLagMax: definition.liveLagMax,
        };
        const begin = (consumer: StretchConsumer): void => {
          consumer.hold(true);
          watchReplay(consumer, watched, ports, living.signal)
            .then((how) => (ending = how))
            .catch((error: unknown) => {
              if (!living.signal.aborted) living.fail(asError(error));
            })
            .finally(() => over.abort());
        };
        const isOver = new Promise<void>((resolve) => {
          over.signal.addEventListener('abort', () => resolve(), { once: true });
        });
        const membership = membershipOf(definition, config.AFTERBUILD_NAMESPACE, watched, begin);
        const ended = Promise.race([living.ended, isOver]);
        const report = await workAs(membership, process, config, { ...living, ended });
        const control = `${config.AFTERBUILD_NAMESPACE}${topicNames.control}`;
        counts = countsIn((await living.metrics.read()).text, control);
        if (!report.clean) ending = null;
        return report;
      });
    },
    undefined,
    logger,
  );
  return { ending, exitCode, counts };
}

/** It would commit its records as skipped: the replay would be over, and nothing done. */
function refuseDryRun<Config extends GroupSettings>(
  { groupSuffix }: GroupProcess<Config>,
  config: Config,
): void {
  if ((groupSuffix?.(config) ?? '') === '') return;
  throw new ConfigError(
    'A replay does the work, and the settings ask for a dry run (DELETE_DRY_RUN): unset that; `replay plan` shows what a replay would take.',
  );
}

function membershipOf(
  definition: ReplayDefinition,
  namespace: string,
  { topic, ranges }: { readonly topic: string; readonly ranges: ReadonlyMap<number, OffsetRange> },
  begin: (consumer: StretchConsumer) => void,
): Membership {
  const { process, name, key, rate } = definition;
  return {
    group: `${namespace}${replayGroup(definition)}`,
    subscriptions: ({ subscription }, decisions) => [decisions, subscription],
    runsBeside: false,
    countsAbsence: !definition.absentRowsExpected,
    stretch: {
      ...{ name, topic, ranges, begin },
      liveGroup: `${namespace}${process}`,
      recordsPerSecond: rate,
      ...(key === null ? {} : { key }),
    },
  };
}

const rangesOf = ({ ranges }: ReplayDefinition): Map<number, OffsetRange> =>
  new Map(ranges.map(([partition, from, to]) => [partition, { from, to }]));

/** What became of the records, and of what they named; the others are about how the process did it. */
const effects =
  'records|redirected_records|produced_records|artifact_rows|rows_set_aside|artifact_objects_deleted|' +
  'artifact_bytes_deleted|traces|trace_bytes';
const counter = new RegExp(`^(afterbuild_(?:${effects})_total)(?:\\{(.*)\\})? (\\S+)$`, 'gm');

/**
 * The counters of a page of metrics that have moved.
 *
 * @param control full name of the topic of operators' decisions, which is no work.
 */
export function countsIn(page: string, control: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [, name = '', labels = '', value] of page.matchAll(counter)) {
    const own = labels.split(',').filter((label) => label !== '' && !label.startsWith('process='));
    if (Number(value) === 0 || own.includes(`topic="${control}"`)) continue;
    counts[own.length === 0 ? name : `${name}{${own.join(',')}}`] = Number(value);
  }
  return counts;
}
