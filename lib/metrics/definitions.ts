/**
 * The one list of our metrics: for each its name, its labels, what moves it and what to do about it.
 *
 * Both sentences become the help text in Prometheus, and the table of docs/metrics.md. Labels name kinds, never ids:
 * the number of series depends on topics and partitions only.
 */

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  /** Upper bounds, of a histogram. */
  readonly buckets?: readonly number[];
  readonly moves: string;
  readonly act: string;
}

/** Of `afterbuild_breaker_state`. */
export const breakerLevels = { closed: 0, 'half-open': 1, open: 2 } as const;

export const metricDefinitions = {
  // -- what became of the records -------------------------------------------------------------------
  afterbuild_records_total: {
    type: 'counter',
    labels: ['topic', 'outcome'],
    moves:
      'Records by their outcome in a micro-batch: done (skipped ones included), retry (again, in place or through a retry topic), hold (a dependency is unavailable, no attempt is counted). Records sent to another topic are in afterbuild_redirected_records_total.',
    act: 'done is the rate of work. Much retry beside little done: read the last `lane.retrying` line. A halt is no outcome: see afterbuild_partitions.',
  },
  afterbuild_redirected_records_total: {
    type: 'counter',
    labels: ['topic', 'kind'],
    moves:
      'Copies of records that a retry topic (retry) or a dead-letter topic (dead-letter) has acknowledged.',
    act: 'Any dead-letter needs an operator: `afterbuild dlq list`. A steady rate of retry means that single records keep failing: their headers say why.',
  },
  afterbuild_records_repeated_total: {
    type: 'counter',
    labels: ['topic'],
    moves:
      'Records handled that an earlier holder of the partition may have handled as well: after a kill, a rebalance that could not drain, or a start.',
    act: 'A few after each start are normal, and harmless. A steady rate means that processes die or drain too slowly: look at restarts, and at STOP_LIMIT_MS.',
  },
  afterbuild_handler_seconds: {
    type: 'histogram',
    labels: ['topic'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    moves: 'How long the handler took for one micro-batch, with any outcome.',
    act: 'Rises with the latency of the slowest store. Beyond 30 s look at that store before anything else.',
  },
  afterbuild_handled_records_total: {
    type: 'counter',
    labels: ['topic'],
    moves: 'Records given to the handler, each try once.',
    act: 'Divided by the number of afterbuild_handler_seconds it is the size of a micro-batch: small ones with work waiting mean too many keys for too few lanes.',
  },
  afterbuild_commits_total: {
    type: 'counter',
    labels: [],
    moves: 'Offsets of partitions that the group has acknowledged.',
    act: 'Flat while records are done: the group refuses commits; read the `commit.failing` line.',
  },
  afterbuild_produced_records_total: {
    type: 'counter',
    labels: ['topic'],
    moves: 'Records that all replicas of the topic have acknowledged.',
    act: 'The rate at which producers find work. Flat while rows expire: the loop limit is reached, or the deleter is behind.',
  },

  // -- dependencies -----------------------------------------------------------------------------------
  afterbuild_breaker_state: {
    type: 'gauge',
    labels: ['dependency'],
    moves: 'The circuit breaker of a dependency: 0 closed, 1 half-open (probing), 2 open.',
    act: '1 and 2 mean that the dependency is unavailable and its partitions wait; nothing is lost and no attempt is counted. A server that is silent keeps it at 1 for most of the time: alert on more than 0 for some minutes, not on 2. Repair the dependency; the pipeline goes on by itself.',
  },
  afterbuild_breaker_opened_total: {
    type: 'counter',
    labels: ['dependency'],
    moves: 'How often the breaker has opened.',
    act: 'Many openings with short holds: the dependency is overloaded rather than down. Lower the rate or the concurrency.',
  },

  // -- work that is left ------------------------------------------------------------------------------
  afterbuild_due_items: {
    type: 'gauge',
    labels: ['unit'],
    moves:
      'What is due in the database and not produced yet, of the shards that this process sweeps: artifacts (counted up to 10,000 a shard, beyond that the estimate of PostgreSQL), or stale builds that the last pass has found. Read every 15 seconds; absent while it is not known.',
    act: 'Sum it over all processes: together with afterbuild_in_flight_items it is the whole that is left. Growing for an hour: `afterbuild status` says what the sweep waits for.',
  },
  afterbuild_due_seconds: {
    type: 'gauge',
    labels: ['unit'],
    moves:
      'Since when the oldest of them has been due, 0 when none is: for artifacts the age of the watermark.',
    act: 'The delay that users see before anything is produced. Alert on it rather than on numbers.',
  },
  afterbuild_in_flight_items: {
    type: 'gauge',
    labels: ['unit'],
    moves: 'Produced by this process, and not done by the consumer yet.',
    act: 'At LOOP_LIMIT_ARTIFACTS a partition the sweep waits for the deleter: look there.',
  },
  afterbuild_unfinished_records: {
    type: 'gauge',
    labels: ['topic', 'partition'],
    moves:
      'Offsets from the oldest unfinished record to the end of the partition, as this process knows it; only for partitions that it holds.',
    act: 'Sum it over all processes. Growing for an hour: add processes (up to the number of partitions), or find out what holds them.',
  },
  afterbuild_work_left_records: {
    type: 'gauge',
    labels: ['topic', 'partition'],
    moves:
      'Records that are not done by Kafka’s own numbers: from the committed offset of the group to the end of the log, without those that the commit map lists as done. Read every 5 seconds, also while the partition is paused; only for partitions that this process holds and commits.',
    act: 'The correct lag: tools that subtract the committed offset from the end also count records beyond it that are done. Growing while afterbuild_buffered_records is 0: /readyz says what keeps it from being read.',
  },
  afterbuild_work_left_age_seconds: {
    type: 'gauge',
    labels: [],
    moves: 'Seconds since Kafka was last able to say how much is left.',
    act: 'Above 30 the figures of afterbuild_work_left_records are old: Kafka, or the network to it, is unavailable.',
  },
  afterbuild_unfinished_seconds: {
    type: 'gauge',
    labels: ['topic', 'partition'],
    moves:
      'Age of the oldest record that is not finished, 0 when there is none. While it has not been fetched (after a start under a pause or an open breaker), how long this process has known of it: it is at least that old.',
    act: 'The delay that users see. Alert on this one rather than on records: it also rises when a single record is stuck.',
  },
  afterbuild_buffered_records: {
    type: 'gauge',
    labels: ['topic'],
    moves: 'Records fetched and not finished.',
    act: 'Nothing by itself; at its limit the partition pauses, which is how memory stays bounded.',
  },
  afterbuild_buffered_bytes: {
    type: 'gauge',
    labels: ['topic'],
    moves: 'Bytes of those records, overhead included.',
    act: 'Bounded at 64 MiB a process, for any lag. More memory than that is used elsewhere.',
  },
  afterbuild_partitions: {
    type: 'gauge',
    labels: ['topic', 'state'],
    moves:
      'Partitions that this process holds: working, held (they wait for a dependency or an operator), halted (until an operator acts).',
    act: 'halted above 0 needs you: /readyz names the partition and the reason. None at all is normal for a spare instance.',
  },
  afterbuild_concurrency_limit: {
    type: 'gauge',
    labels: [],
    moves: 'Micro-batches that may run side by side at the moment.',
    act: 'Falls by itself when a store slows down, and comes back. Low for long: the store is the bottleneck, and more processes make it worse.',
  },

  // -- the process ------------------------------------------------------------------------------------
  afterbuild_ready: {
    type: 'gauge',
    labels: [],
    moves: '1 while /readyz is green, else 0.',
    act: 'At 0 for minutes: ask /readyz, its body names the causes.',
  },
  afterbuild_stalled_seconds: {
    type: 'gauge',
    labels: [],
    moves:
      'For how long work has stood still without a known reason: taken and not finished, not taken although it lies in Kafka, done and not committed, or no membership although the group answers. 0 while all is well, and while the process waits for the end of a pause, a breaker, a cap, the brake or for Kafka itself.',
    act: 'At STALL_RED_MS readiness turns red and says which, at STALL_EXIT_MS the process ends with code 6 and another takes over. If that repeats, look for a call that never answers.',
  },
  afterbuild_member: {
    type: 'gauge',
    labels: [],
    moves: '1 while the process is a member of its group, else 0.',
    act: 'At 0 for longer than a minute: Kafka is unavailable, or refuses the process; read its log. The process ends by itself when the group answers and still does not admit it.',
  },
  afterbuild_commit_age_seconds: {
    type: 'gauge',
    labels: [],
    moves: 'Seconds since the group last accepted a commit of this process, or since it joined.',
    act: 'Rises without harm while there is nothing to do. Rising while afterbuild_records_total rises: finished work is not committed and will be repeated; read the `commit.failing` line.',
  },
  afterbuild_build_info: {
    type: 'gauge',
    labels: ['version', 'node'],
    moves: 'Always 1; its labels are the version of afterbuild and of Node.',
    act: 'Compare instances after an upgrade.',
  },

  // -- effects ----------------------------------------------------------------------------------------
  afterbuild_artifact_rows_total: {
    type: 'counter',
    labels: ['fate'],
    moves:
      'Artifacts by the fate of their row: deleted, already-gone, kept (locked, extended or changed meanwhile), left (another history), unusable (a key that could name something else).',
    act: 'kept is normal. unusable or left: read the warnings of the deleter, then `afterbuild reconcile --check`.',
  },
  afterbuild_rows_set_aside_total: {
    type: 'counter',
    labels: ['table', 'field'],
    moves:
      'Rows that a process cannot handle because of one field (an infinite created_at, an id beyond 2^53, a key that could name something else), each once a process.',
    act: 'The `row.set-aside` lines, `afterbuild status` and `afterbuild reconcile --check` name them. Correct the row in the database: the change brings it back.',
  },
  afterbuild_artifact_objects_deleted_total: {
    type: 'counter',
    labels: [],
    moves: 'Objects that S3 has confirmed as deleted; one that was gone before counts as well.',
    act: 'Flat while rows are deleted: S3 is unavailable; the keys are in the records, and the deletions are repeated.',
  },
  afterbuild_artifact_bytes_deleted_total: {
    type: 'counter',
    labels: [],
    moves: 'Sizes of those objects, from their rows.',
    act: 'How much the bucket has shrunk; compare with its bill.',
  },
  afterbuild_traces_total: {
    type: 'counter',
    labels: ['effect'],
    moves:
      'Traces whose chunks are gone: archived, extended, adopted (a row of GitLab’s without its object), partial (with a marker for bytes that a store had lost), finished (only the rest of an earlier pass).',
    act: 'Any partial means that a store lost data: the warning names the build.',
  },
  afterbuild_waiting_traces: {
    type: 'gauge',
    labels: [],
    moves:
      'Traces that this instance cannot archive yet or leaves unchanged, and whose data Redis will drop by itself one day.',
    act: '`afterbuild status` names the first one and the reason; the log has all (`trace.waits`, `trace.left`).',
  },
  afterbuild_waiting_trace_ends_seconds: {
    type: 'gauge',
    labels: [],
    moves:
      'When Redis drops the first data of those traces; absent without any. Before `ARCHIVE_SAVE_BEFORE_MS` the archiver saves what can be read.',
    act: 'Below a day: the archiver could not save it. `/readyz` says which build, and why.',
  },
  afterbuild_redis_full: {
    type: 'gauge',
    labels: ['store'],
    moves:
      '1 while that Redis of GitLab’s (shared-state, trace-chunks) is at its maxmemory or refuses commands for lack of memory, 0 while it has room. One series, shared-state, where both are one server.',
    act: 'GitLab’s appends are refused meanwhile. The archiver goes on and frees memory; if S3 is unavailable, or Redis stays full while the archiver works, raise maxmemory.',
  },
  afterbuild_redis_used_bytes: {
    type: 'gauge',
    labels: ['store'],
    moves:
      'Memory that a Redis of GitLab’s with live chunks (shared-state, trace-chunks) reports as used; absent while it does not answer. One series, shared-state, where both are one server.',
    act: 'Compare with afterbuild_redis_max_bytes. Growing while traces are not archived: see afterbuild_redis_full_seconds.',
  },
  afterbuild_redis_max_bytes: {
    type: 'gauge',
    labels: ['store'],
    moves: 'Its maxmemory; absent where it has none.',
    act: 'Without one, Redis grows until the system kills it.',
  },
  afterbuild_redis_full_seconds: {
    type: 'gauge',
    labels: ['store'],
    moves: 'When it is full at the rate of the last minutes; absent while it does not grow.',
    act: 'Below a few hours: repair what keeps traces from being archived (`afterbuild status`), or set the flag redis-guard to dry-run, then to on.',
  },
  afterbuild_spilled_chunks_total: {
    type: 'counter',
    labels: [],
    moves: 'Chunks that the Redis guard has moved from Redis into their rows.',
    act: 'Each costs the database about 142,000 bytes of write-ahead log: watch its disk and its replicas. Flat while afterbuild_redis_used_bytes grows: `afterbuild status` says why.',
  },
  afterbuild_spilled_bytes_total: {
    type: 'counter',
    labels: [],
    moves: 'Their bytes.',
    act: 'How much the table of chunks has grown, until the traces are archived.',
  },
  afterbuild_trace_bytes_total: {
    type: 'counter',
    labels: [],
    moves: 'Sizes of those traces.',
    act: 'Capacity planning only.',
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

type MetricName = keyof typeof metricDefinitions;

type NamesOf<Type extends MetricDefinition['type']> = {
  [Name in MetricName]: (typeof metricDefinitions)[Name]['type'] extends Type ? Name : never;
}[MetricName];

export type CounterName = NamesOf<'counter'>;
export type GaugeName = NamesOf<'gauge'>;
export type HistogramName = NamesOf<'histogram'>;

/** All labels of this metric. */
export type LabelsOf<Name extends MetricName> = Readonly<
  Record<(typeof metricDefinitions)[Name]['labels'][number], string>
>;

export const helpOf = ({ moves, act }: MetricDefinition): string => `${moves} ${act}`;
