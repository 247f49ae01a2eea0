/** Turns a consumer's state into gauges; read at each scrape, so that nothing is counted twice. */
import type { ConsumerState, PartitionState } from '../runtime/consumer';
import type { Metrics } from './metrics';

const perPartition = [
  'afterbuild_unfinished_records',
  'afterbuild_unfinished_seconds',
  'afterbuild_work_left_records',
] as const;
const perTopic = [
  'afterbuild_buffered_records',
  'afterbuild_buffered_bytes',
  'afterbuild_partitions',
] as const;

/** Partitions that were lost since the last time lose their series. */
export function setConsumerGauges(metrics: Metrics, state: ConsumerState, nowMs: number): void {
  metrics.set('afterbuild_concurrency_limit', {}, state.limit);
  metrics.set('afterbuild_stalled_seconds', {}, Math.floor(state.stalledMs / 1_000));
  metrics.set('afterbuild_member', {}, state.joined ? 1 : 0);
  const { lastAcceptedCommitMs } = state.membership;
  setAge(metrics, 'afterbuild_commit_age_seconds', lastAcceptedCommitMs, nowMs);
  setAge(metrics, 'afterbuild_work_left_age_seconds', state.kafkaAnsweredAtMs, nowMs);
  for (const name of [...perPartition, ...perTopic]) metrics.clear(name);
  for (const partition of state.partitions) setPartition(metrics, partition, nowMs);
  const byTopic = Map.groupBy(state.partitions, ({ topic }) => topic);
  for (const [topic, partitions] of byTopic) setTopic(metrics, topic, partitions);
}

function setPartition(metrics: Metrics, state: PartitionState, nowMs: number): void {
  const labels = { topic: state.topic, partition: String(state.partition) };
  const records = unfinishedRecords(state);
  metrics.set('afterbuild_unfinished_records', labels, records);
  const sinceMs = state.oldestTimestampMs ?? nowMs;
  const seconds = records === 0 ? 0 : Math.max(0, nowMs - sinceMs) / 1_000;
  metrics.set('afterbuild_unfinished_seconds', labels, seconds);
  if (state.workLeft !== null) metrics.set('afterbuild_work_left_records', labels, state.workLeft);
}

/** Without a series while it has never happened. */
function setAge(
  metrics: Metrics,
  name: 'afterbuild_commit_age_seconds' | 'afterbuild_work_left_age_seconds',
  atMs: number | null,
  nowMs: number,
): void {
  if (atMs === null) metrics.clear(name);
  else metrics.set(name, {}, Math.max(0, nowMs - atMs) / 1_000);
}

/** As far as the process knows; 0 for a partition that has not been loaded. */
const unfinishedRecords = ({ doneBelow, highWatermark }: PartitionState): number =>
  Math.max(0, (highWatermark ?? 0) - (doneBelow ?? highWatermark ?? 0));

function setTopic(metrics: Metrics, topic: string, partitions: readonly PartitionState[]): void {
  const sum = (of: (state: PartitionState) => number): number =>
    partitions.reduce((total, state) => total + of(state), 0);
  metrics.set(
    'afterbuild_buffered_records',
    { topic },
    sum(({ bufferedRecords }) => bufferedRecords),
  );
  metrics.set(
    'afterbuild_buffered_bytes',
    { topic },
    sum(({ bufferedBytes }) => bufferedBytes),
  );
  for (const state of ['working', 'held', 'halted'] as const) {
    const count = partitions.filter((partition) => stateOf(partition) === state).length;
    metrics.set('afterbuild_partitions', { topic, state }, count);
  }
}

function stateOf({ halts, held }: PartitionState): 'working' | 'held' | 'halted' {
  if (halts.length > 0) return 'halted';
  return held === null ? 'working' : 'held';
}
