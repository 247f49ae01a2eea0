// Generated from the .avsc files by schemas/generate.ts. Do not edit.

/** What an operator has decided, and what a process tells the others. Compacted by key; every decision says who and why. A tombstone takes it back. */
export interface Control {
  /** accept-database, flag or breaker; a kind that a reader does not know is not for it. */
  readonly kind: string;
  /** A person; for a breaker the process and its instance. */
  readonly author: string;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** accept-database: records read from an earlier history than this one may be worked on against it, but what they name and it lacks is left in the bucket. */
  readonly acceptedDatabase: null | AcceptedDatabase;
  /** flag: how a process is to work. Key flag/<process>/<name>. */
  readonly flag: null | Flag;
  /** breaker: a dependency is away for one instance. Only a hint to the others. Key breaker/<dependency>/<owner>. */
  readonly breaker: null | BreakerHint;
}

export interface AcceptedDatabase {
  readonly systemIdentifier: string;
  readonly databaseName: string;
  readonly timeline: number;
  /** Position in the write-ahead log when it was accepted. */
  readonly lsn: number;
}

export interface Flag {
  /** Name of a process, or all. */
  readonly process: string;
  /** pause, rate, concurrency, loop-limit or dry-run; a name that a reader does not know is ignored. */
  readonly name: string;
  readonly value: string;
  /** From then on it does not hold any more, milliseconds since the epoch; null holds until it is taken back. */
  readonly expiresAtMs: null | number;
}

export interface BreakerHint {
  /** postgres, redis, s3, registry, dead-letters or brake. */
  readonly dependency: string;
  /** <process>/<instance>. */
  readonly owner: string;
  /** open or half-open. */
  readonly state: string;
  /** The hint is forgotten then unless its owner renews it, milliseconds since the epoch. */
  readonly untilMs: number;
  /** The first line of the error. */
  readonly cause: string;
}

/** How far a sweep has come in one shard. Compacted by key <sweep>/<shard>; written only after the records it stands for were acknowledged, so that reading it again repeats at most a page. */
export interface SweepProgress {
  /** due: moves with the clock. full: a whole pass from the beginning, daily or as a repair. */
  readonly sweep: string;
  /** Physical partition of p_ci_job_artifacts, schema-qualified. */
  readonly shard: string;
  /** Counts the passes of a full sweep; 0 for the due sweep. */
  readonly epoch: number;
  /** As expireAt, in microseconds since the epoch, for versions before 2; null also where their reader would take it for another moment. */
  readonly expireAtUs: null | number;
  /** As tieExpireAt, for versions before 2. */
  readonly tieExpireAtUs: null | number;
  /** As tieJob, for versions before 2. */
  readonly tieJobId: null | number;
  /** A full sweep has reached the end of its pass. */
  readonly complete: boolean;
  /** When this was written, milliseconds since the epoch. */
  readonly atMs: number;
  /** Cluster that the watermark belongs to. */
  readonly systemIdentifier: string;
  readonly databaseName: string;
  readonly timeline: number;
  /** Position in the write-ahead log at the page's read: a database below it is not the one that was swept. */
  readonly lsn: number;
  /** Watermark: every due row up to and including this expire_at has been produced. Microseconds since the epoch in decimal, or -infinity: PostgreSQL's range is wider than a long that counts from 1970. Null before the first page. */
  readonly expireAt: null | string;
  /** Set while a group of rows that share this expire_at is walked. */
  readonly tieExpireAt: null | string;
  /** Last job_id produced of that group, in decimal. */
  readonly tieJob: null | string;
}

/** How far the stale sweep has come in one slice of the builds. Compacted by key stale/<slice>, in partition <slice>; written only after the records it stands for were acknowledged, so that reading it again repeats at most a page. */
export interface StaleProgress {
  /** The builds whose id leaves this remainder when divided by the topic's number of partitions. */
  readonly slice: number;
  /** Counts the passes over all chunk rows, from 1. */
  readonly pass: number;
  /** Cursor: every partition_id below has been looked through; 0 at the beginning of a pass. */
  readonly partitionId: number;
  /** Cursor: and of that partition_id every build up to and including this one. */
  readonly buildId: number;
  /** The pass has come to its end. */
  readonly complete: boolean;
  /** When the pass began, milliseconds since the epoch. */
  readonly begunAtMs: number;
  /** When this was written, milliseconds since the epoch. */
  readonly atMs: number;
  /** The database that the cursor belongs to, and its place in that database's history. */
  readonly origin: DatabaseOrigin;
}

export interface DatabaseOrigin {
  /** pg_control_system(): one per cluster, in decimal. */
  readonly systemIdentifier: string;
  /** current_database(). */
  readonly databaseName: string;
  /** Timeline of the write-ahead log; a recovery that ends begins a new one. */
  readonly timeline: number;
  /** Position in the write-ahead log in bytes, taken in the transaction that read the rows. */
  readonly lsn: number;
}

/** What one instance of a process is doing. Compacted by key <process>/<instance>; written when it changes and every 15 seconds, taken back by a tombstone at a clean stop. Whoever has said nothing for 45 seconds is silent. */
export interface InstanceStatus {
  readonly process: string;
  readonly instance: string;
  /** Milliseconds since the epoch, as all times here. */
  readonly startedAtMs: number;
  /** When this was written. */
  readonly atMs: number;
  /** joining, idle, working, paused, dry-run, held, stalled or halted. */
  readonly state: string;
  /** Since when it is in that state. */
  readonly sinceMs: number;
  /** Why it is held, stalled or halted. */
  readonly cause: null | string;
  /** Of the topic that it works through. */
  readonly partitions: number;
  /** Finished in the last 15 seconds. */
  readonly recordsPerSecond: number;
  /** Read and not finished. */
  readonly bufferedRecords: number;
  /** When the oldest record that it has read and not finished was written. */
  readonly oldestRecordAtMs: null | number;
  /** Micro-batches that may run at once now. */
  readonly concurrency: number;
  /** Those that are not closed. */
  readonly breakers: readonly BreakerStatus[];
  /** What it follows, like pause=true. */
  readonly flags: readonly string[];
  /** Rows that it cannot handle, by the field that makes them impossible. */
  readonly setAside: readonly SetAsideRows[];
  /** The memory of the Redis servers that hold live chunks; of a trace-archiver. */
  readonly redisRooms: readonly RedisRoom[];
  /** What its Redis guard is doing, in words; null while it is off. */
  readonly redisGuard: null | string;
  /** All that it is held, stalled or halted by, cause first. */
  readonly causes: readonly string[];
  /** What is left where the work is, in what operators count; null while nothing is known. */
  readonly work: null | SourceWork;
}

export interface BreakerStatus {
  readonly dependency: string;
  /** open or half-open. */
  readonly state: string;
  readonly sinceMs: number;
  readonly nextProbeAtMs: number;
  readonly cause: string;
}

export interface SetAsideRows {
  readonly table: string;
  readonly field: string;
  readonly count: number;
  /** Some of them, as <partition_id>:<id>. */
  readonly ids: readonly string[];
}

export interface RedisRoom {
  readonly name: string;
  readonly usedBytes: number;
  /** Its maxmemory; null: unlimited. */
  readonly maxBytes: null | number;
  /** At the rate of the last minutes; null when it does not grow. */
  readonly fullInMs: null | number;
}

export interface SourceWork {
  /** artifacts or builds. */
  readonly unit: string;
  /** Of a consumer: done in the last minute. Of a producer 0. */
  readonly perSecond: number;
  /** Of a producer: due in the database and not produced yet. Null while it is not known. */
  readonly inDatabase: null | number;
  /** It was not counted to the end. */
  readonly isEstimate: boolean;
  /** Since when the oldest of them has been due; null without any. */
  readonly dueSinceMs: null | number;
  /** Produced, and not done by the consumer yet, as far as this instance knows. */
  readonly inFlight: number;
  /** The consumer that has enough before it, so that this producer stands. */
  readonly waitsFor: null | string;
  /** Of a consumer: bytes of objects deleted, or of chunks moved out into an object, since it started. */
  readonly bytesFreed: null | number;
}

/** Up to 1,000 artifacts of one partition_id that were due when they were read. Says what the delete needs to finish after any crash; whether a row may still go is decided by the database again. */
export interface ArtifactsExpired {
  /** The database that the rows were read from, and its place in that database's history. */
  readonly origin: DatabaseOrigin;
  /** Who found them: sweep, repair or change. */
  readonly source: string;
  /** partition_id of every artifact in the record. */
  readonly partitionId: number;
  /** Sorted by id, so that the delete visits each heap page once. */
  readonly artifacts: readonly ExpiredArtifact[];
}

export interface ExpiredArtifact {
  readonly id: number;
  readonly projectId: number;
  readonly jobId: number;
  /** UTC date of created_at in days since 1970-01-01: all of it that an object's key holds. */
  readonly createdOnDays: number;
  /** GitLab's file_type; never 3 (trace). */
  readonly fileType: number;
  /** File name. */
  readonly file: null | string;
  /** Always 2 (remote). */
  readonly fileStore: number;
  /** 1 legacy, 2 hashed; null counts as hashed. */
  readonly fileLocation: null | number;
  /** The object's key, when set. */
  readonly fileFinalPath: null | string;
  /** Size as the row says it. */
  readonly sizeBytes: null | number;
}

/** A build that has ended and may have a live trace. Says which build, and from which database; whether its trace is to be archived is decided by the stores again. */
export interface BuildFinished {
  /** The database that the build was seen in, and its place in that database's history. */
  readonly origin: DatabaseOrigin;
  /** Who found it: change (an event of the build) or stale (its chunk rows were still there long after). */
  readonly source: string;
  /** partition_id of the build. */
  readonly partitionId: number;
  readonly buildId: number;
  readonly projectId: number;
  /** success, failed or canceled. */
  readonly status: string;
  /** finished_at in UTC, milliseconds since the epoch; the change's commit time when the row has none. */
  readonly finishedAtMs: number;
}
