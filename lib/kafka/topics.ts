/** The one list of topics: what is on them, how they are keyed, partitioned and kept. */

export interface TopicDefinition {
  readonly name: string;
  /** What a record is about, for `topics plan` and the documentation. */
  readonly doc: string;
  readonly key: string;
  readonly partitions: number;
  readonly cleanup: 'delete' | 'compact';
  /** Milliseconds; -1 keeps for ever. Only for `delete`. */
  readonly retentionMs: number;
  /** File `schemas/<schema>.avsc`; null where Connect registers the schema itself. */
  readonly schema: string | null;
}

const dayMs = 86_400_000;

/** Replaying must stay possible for as long as an incident may last; anything shorter is refused. */
export const retentionFloorMs = 30 * dayMs;

export const topicNames = {
  artifactChanges: 'cdc.public.p_ci_job_artifacts',
  buildChanges: 'cdc.public.p_ci_builds',
  artifactsExpired: 'artifacts.expired',
  buildsFinished: 'builds.finished',
  progress: 'afterbuild.progress',
  staleProgress: 'afterbuild.stale-progress',
  control: 'afterbuild.control',
} as const;

export const topics: readonly TopicDefinition[] = [
  {
    name: topicNames.artifactChanges,
    doc: 'Inserts and updates of artifacts, as Debezium reads them from the write-ahead log.',
    key: 'id and partition_id, in Avro',
    partitions: 12,
    cleanup: 'delete',
    retentionMs: retentionFloorMs,
    schema: null,
  },
  {
    name: topicNames.buildChanges,
    doc: 'Inserts and updates of builds, as Debezium reads them from the write-ahead log.',
    key: 'id and partition_id, in Avro',
    partitions: 12,
    cleanup: 'delete',
    retentionMs: retentionFloorMs,
    schema: null,
  },
  {
    name: topicNames.artifactsExpired,
    doc: 'Batches of artifacts whose rows and objects may go.',
    key: '<partition_id>:<first id>',
    partitions: 12,
    cleanup: 'delete',
    retentionMs: retentionFloorMs,
    schema: 'artifacts.expired',
  },
  {
    name: topicNames.buildsFinished,
    doc: 'Builds that have ended and may have a live trace to archive.',
    key: '<partition_id>:<build_id>',
    partitions: 12,
    cleanup: 'delete',
    retentionMs: retentionFloorMs,
    schema: 'builds.finished',
  },
  {
    name: topicNames.progress,
    doc: 'Watermarks of the sweeps; whoever holds a partition sweeps its shards.',
    key: '<sweep>/<shard>',
    partitions: 12,
    cleanup: 'compact',
    retentionMs: -1,
    schema: 'afterbuild.progress',
  },
  {
    name: topicNames.staleProgress,
    doc: 'Cursors of the sweep over stale builds; whoever holds a partition sweeps its slice.',
    key: 'stale/<slice>',
    partitions: 12,
    cleanup: 'compact',
    retentionMs: -1,
    schema: 'afterbuild.stale-progress',
  },
  {
    name: topicNames.control,
    doc: 'Decisions of operators, read by every process.',
    key: '<kind>/<subject>',
    partitions: 1,
    cleanup: 'compact',
    retentionMs: -1,
    schema: 'afterbuild.control',
  },
];
