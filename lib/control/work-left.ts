/** How much of a topic is left for a group, by the log's ends, the committed offsets and the commit maps. Pure. */

export interface PartitionWork {
  /** The full name. */
  readonly topic: string;
  readonly partition: number;
  readonly logStart: number;
  readonly logEnd: number;
  /** -1 when the group has never committed. */
  readonly committed: number;
  /** Records beyond the committed offset that the commit map says are done. */
  readonly doneBeyond: number;
}

export interface WorkLeft {
  /** Not done; records beyond the committed offset that are done by the commit map do not count. */
  readonly records: number;
  /** Deleted by the topic's retention before they were handled. */
  readonly lost: number;
  /** What Kafka's own tools show: it also counts records beyond the committed offset that are done. */
  readonly kafkaLag: number;
}

/** Where the group goes on: retention may have passed its offset. */
const fromOf = ({ committed, logStart }: PartitionWork): number => Math.max(committed, logStart);

/** Records that are not done. */
export const leftOf = (one: PartitionWork): number =>
  Math.max(0, one.logEnd - fromOf(one) - one.doneBeyond);

/** What Kafka's own tools call the lag: the end of the log minus the committed offset. */
export const kafkaLagOf = (one: PartitionWork): number => Math.max(0, one.logEnd - fromOf(one));

/** Records that are done in all, for a rate: it grows with the work, however the offsets are committed. */
export const doneOf = (one: PartitionWork): number => fromOf(one) + one.doneBeyond;

const lostOf = ({ committed, logStart, doneBeyond }: PartitionWork): number =>
  committed < 0 ? 0 : Math.max(0, logStart - committed - doneBeyond);

export const workOf = (partitions: readonly PartitionWork[]): WorkLeft =>
  partitions.reduce(
    ({ records, lost, kafkaLag }, one) => ({
      records: records + leftOf(one),
      lost: lost + lostOf(one),
      kafkaLag: kafkaLag + kafkaLagOf(one),
    }),
    { records: 0, lost: 0, kafkaLag: 0 },
  );
