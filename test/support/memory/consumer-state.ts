/** States of a consumer, for tests of code that reads them. */
import type {
  ConsumerMembership,
  ConsumerState,
  PartitionState,
} from '../../../lib/runtime/consumer';

/** All is done and nothing waits, unless the test says otherwise. */
export const partitionState = (change: Partial<PartitionState> = {}): PartitionState => ({
  topic: 'things',
  partition: 0,
  doneBelow: 100,
  doneBeyond: 0,
  taken: 100,
  logEnd: 100,
  workLeft: 0,
  intakeHold: null,
  isUncommitted: false,
  committed: 100,
  highWatermark: 100,
  bufferedRecords: 0,
  bufferedBytes: 0,
  paused: false,
  retryingLanes: 0,
  oldestTimestampMs: null,
  held: null,
  halts: [],
  ...change,
});

export const membership: ConsumerMembership = {
  memberSinceMs: 0,
  joiningSinceMs: null,
  lastProofSentAtMs: 0,
  lastAcceptedCommitMs: 0,
  commitsRefusedBy: null,
  commitsWaitFor: null,
};

export const joined = (...partitions: PartitionState[]): ConsumerState => ({
  joined: true,
  membership,
  breakers: [],
  limit: 8,
  stalledMs: 0,
  stalledBy: null,
  kafkaSilentBy: null,
  kafkaAnsweredAtMs: 0,
  partitions,
});
