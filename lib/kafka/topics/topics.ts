/** The one list of topics: what they hold, their keys, partitions and retention. */

export interface TopicDefinition {
  readonly name: string;
  /** What a record is about, for `topics plan` and the documentation. */
  readonly doc: string;
  readonly key: string;
  readonly partitions: number;
  /** `compact,delete`: the latest of each key, and nothing that is older than the retention. */
  readonly cleanup: 'delete' | 'compact' | 'compact,delete';
  /** Milliseconds; -1 keeps for ever. Not for `compact`. */
  readonly retentionMs: number;
  /** For `compact`: a replaced record is kept so long, to show what was decided. */
  readonly replacedKeptMs?: number;
  /** The broker's limit for one batch, where its default is too small. */
  readonly batchBytesMax?: number;
  /** File `schemas/<schema>.avsc`; null where Connect registers the schema itself. */
  readonly schema: string | null;
}

/**
 * For topics that hold work, and those whose partitions share out the sweeps, unless TOPIC_PARTITIONS says otherwise.
 */
export const partitionsDefault = 12;

const dayMs = 86_400_000;

/** Replaying must be possible for as long as an incident may last; a shorter retention is refused. */
export const retentionFloorMs = 30 * dayMs;

export const topicNames = {
  artifactChanges: 'cdc.public.p_ci_job_artifacts',
  buildChanges: 'cdc.public.p_ci_builds',
  artifactsExpired: 'artifacts.expired',
  buildsFinished: 'builds.finished',
  progress: 'afterbuild.progress',
  staleProgress: 'afterbuild.stale-progress',
  control: 'afterbuild.control',
  status: 'afterbuild.status',
} as const;

/** After so long a record that failed for its own reasons is tried again; the last delay is repeated. */
export const retryDelays = [
  { name: '30s', ms: 30_000 },
  { name: '2m', ms: 120_000 },
  { name: '10m', ms: 600_000 },
] as const;

type RetryDelay = (typeof retryDelays)[number];

/** Names without a namespace, of topic and group without it; the namespace goes in front of the whole. */
export const failureTopics = {
  retry: (topic: string, group: string, delay: RetryDelay) =>
    `${topic}.${group}.retry.${delay.name}`,
  deadLetters: (topic: string, group: string) => `${topic}.${group}.dlq`,
  parked: (topic: string, group: string) => `${topic}.${group}.parked`,
} as const;

const retryEnding = new RegExp(`\\.retry\\.(?:${retryDelays.map(({ name }) => name).join('|')})$`);

export const isRetryTopic = (topic: string): boolean => retryEnding.test(topic);

/** The groups that read with committed offsets and need topics for failed records. */
export const failureGroups = [
  { topic: topicNames.artifactChanges, group: 'expired-artifacts', retries: false },
  { topic: topicNames.buildChanges, group: 'finished-builds', retries: false },
  { topic: topicNames.artifactsExpired, group: 'artifact-deleter', retries: true },
  { topic: topicNames.buildsFinished, group: 'trace-archiver', retries: true },
] as const;

/** Few, because failed records are rare. A copy goes to the partition of its origin, modulo this number. */
export const failurePartitions = 3;

/** A record that just fitted into its own topic, plus the failure headers: kafkajs does not split. */
const failureBatchBytesMax = 16 * 1024 * 1024;

const failureTopic = (name: string, doc: string): TopicDefinition => ({
  name,
  doc,
  batchBytesMax: failureBatchBytesMax,
  key: 'as the record came',
  partitions: failurePartitions,
  cleanup: 'delete',
  retentionMs: retentionFloorMs,
  schema: null,
});

function failureTopicsOf({
  topic,
  group,
  retries,
}: (typeof failureGroups)[number]): TopicDefinition[] {
  const ofRetries = retryDelays.map((delay) =>
    failureTopic(
      failureTopics.retry(topic, group, delay),
      `Records of ${topic} that ${group} tries again after ${delay.name}.`,
    ),
  );
  return [
    ...(retries ? ofRetries : []),
    failureTopic(
      failureTopics.deadLetters(topic, group),
      `Records of ${topic} that ${group} can never handle, as they came, with the reason in headers.`,
    ),
    failureTopic(
      failureTopics.parked(topic, group),
      `Dead letters of ${group} that an operator has parked.`,
    ),
  ];
}

export const topics: readonly TopicDefinition[] = [
  {
    name: topicNames.artifactChanges,
    doc: 'Inserts and updates of artifacts, as Debezium reads them from the write-ahead log.',
    key: 'id and partition_id, in Avro',
    partitions: partitionsDefault,
    cleanup: 'delete',
    retentionMs: retentionFloorMs,
    schema: null,
  },
  {
    name: topicNames.buildChanges,
    doc: 'Inserts and updates of builds, as Debezium reads them from the write-ahead log.',
    key: 'id and partition_id, in Avro',
    partitions: partitionsDefault,
    cleanup: 'delete',
    retentionMs: retentionFloorMs,
    schema: null,
  },
  {
    name: topicNames.artifactsExpired,
    doc: 'Batches of artifacts whose rows and objects may go.',
    key: '<partition_id>:<first id>',
    partitions: partitionsDefault,
    cleanup: 'delete',
    retentionMs: retentionFloorMs,
    schema: 'artifacts.expired',
  },
  {
    name: topicNames.buildsFinished,
    doc: 'Builds that have ended and may have a live trace to archive.',
    key: '<partition_id>:<build_id>',
    partitions: partitionsDefault,
    cleanup: 'delete',
    retentionMs: retentionFloorMs,
    schema: 'builds.finished',
  },
  {
    name: topicNames.progress,
    doc: 'Watermarks of the sweeps; the holder of a partition sweeps its shards.',
    key: '<sweep>/<shard>',
    partitions: partitionsDefault,
    cleanup: 'compact',
    retentionMs: -1,
    schema: 'afterbuild.progress',
  },
  {
    name: topicNames.staleProgress,
    doc: 'Cursors of the sweep over stale builds; the holder of a partition sweeps its slice.',
    key: 'stale/<slice>',
    partitions: partitionsDefault,
    cleanup: 'compact',
    retentionMs: -1,
    schema: 'afterbuild.stale-progress',
  },
  {
    name: topicNames.control,
    doc: 'Decisions of operators and hints of instances to each other, read by every process.',
    key: '<kind>/<subject>',
    partitions: 1,
    cleanup: 'compact',
    retentionMs: -1,
    replacedKeptMs: retentionFloorMs,
    schema: 'afterbuild.control',
  },
  {
    name: topicNames.status,
    doc: 'What each instance is doing, for afterbuild status; nothing is decided by it.',
    key: '<process>/<instance>',
    partitions: 1,
    cleanup: 'compact,delete',
    // Instances write a status every few seconds; older ones are of instances that are gone.
    retentionMs: dayMs,
    schema: 'afterbuild.status',
  },
  ...failureGroups.flatMap(failureTopicsOf),
];
