/** The state of a partition, for status and metrics. */
import type { PartitionState } from '../consumer';
import type { Lane } from '../lanes/lane';
import type { LaneRunner } from '../lanes/lane-runner';
import { oldestOf, waitOf } from '../lanes/lanes';
import type { OffsetTracker } from './offset-tracker';
import type { TopicPartition } from '../../kafka/client-port';
import type { PartitionCommits } from './partition-commits';
import type { PartitionLog } from './partition-log';

interface Described {
  readonly at: TopicPartition;
  readonly tracker: OffsetTracker | null;
  readonly log: PartitionLog;
  readonly runner: Pick<LaneRunner, 'heldBy'>;
  readonly progress: Pick<PartitionCommits, 'accepted'>;
  readonly isDoneUnsaid: boolean;
  readonly haltedBy: Error | null;
}

type Own = Pick<PartitionState, 'bufferedRecords' | 'bufferedBytes' | 'paused' | 'intakeHold'> & {
  readonly lanes: readonly Lane[];
};

const notLoaded = { doneBelow: null, doneBeyond: 0, taken: null };

export function describePartition(partition: Described, { lanes, ...own }: Own): PartitionState {
  const { at, tracker, log, runner, progress, isDoneUnsaid, haltedBy } = partition;
  const { doneBelow, doneBeyond, taken } = tracker ?? notLoaded;
  const { highWatermark, logEnd, workLeft } = log;
  const stopped = lanes.map(({ stoppedBy }) => stoppedBy);
  return {
    ...at,
    ...own,
    doneBelow,
    doneBeyond,
    taken,
    committed: progress.accepted < 0 ? null : progress.accepted,
    highWatermark,
    logEnd,
    workLeft,
    isUncommitted: isDoneUnsaid,
    retryingLanes: lanes.filter(({ failing }) => failing !== null).length,
    oldestTimestampMs: oldestOf(lanes)?.timestampMs ?? log.unfetchedSinceMs(taken ?? 0),
    held: own.bufferedRecords > 0 ? (runner.heldBy ?? waitOf(lanes)) : null,
    halts: [haltedBy, ...stopped].flatMap((error) => (error ? [error.message] : [])),
  };
}
