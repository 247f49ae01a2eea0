/**
 * Decides whether the connected database, and its place in its history, is the one that deleting is safe against
 * (docs/adr/0004).
 */
import { quoted } from '../process/printable';
import type { Control } from '../../schemas/generated';

/** The place where a record was read, or where a database is now. */
export interface HistoryPoint {
  readonly systemIdentifier: string;
  readonly databaseName: string;
  readonly timeline: number;
  /** Bytes of write-ahead log. */
  readonly lsn: number;
}

export interface ExpectedDatabase {
  readonly systemIdentifier: string;
  readonly databaseName: string;
}

/** An operator's decision to go on with this database. */
export interface Acceptance extends HistoryPoint {
  /** When it was made: it covers records up to then, not later ones. */
  readonly atMs: number;
}

/** As `afterbuild.control` carries it; other kinds are ignored. */
export type DatabaseDecision = Pick<Control, 'kind' | 'atMs' | 'acceptedDatabase'>;

export type Verdict =
  /** A missing row was deleted: its object may go. */
  | { readonly kind: 'same-history' }
  /** Accepted by an operator: due rows may be deleted, but a missing row proves nothing and keeps its object. */
  | { readonly kind: 'older-history' }
  | { readonly kind: 'hold'; readonly reason: string; readonly sticky: boolean };

/** @returns why a connection to this database must not be used, or undefined. */
export function refuseDatabase(
  database: HistoryPoint & { readonly inRecovery: boolean },
  expected: ExpectedDatabase,
): string | undefined {
  if (database.systemIdentifier !== expected.systemIdentifier) {
    return `Wrong database: POSTGRES_SYSTEM_IDENTIFIER is ${expected.systemIdentifier}, but the server says ${database.systemIdentifier}; nothing is deleted. Connect to the right cluster, or set the variable if this is the one.`;
  }
  if (database.databaseName !== expected.databaseName) {
    return `Wrong database: POSTGRES_DATABASE is ${expected.databaseName}, but the connection reached ${database.databaseName}; nothing is deleted.`;
  }
  if (database.inRecovery) {
    return 'The PostgreSQL server is in recovery (a standby or a backup being restored); nothing is deleted. Connect to the primary.';
  }
  return undefined;
}

/** @param wanted `key=value`. @returns why the bucket must not be used, or undefined. */
export function refuseBucket(
  tags: ReadonlyMap<string, string>,
  wanted: string,
  bucket: string,
): string | undefined {
  const at = wanted.indexOf('=');
  const key = wanted.slice(0, at);
  const found = tags.get(key);
  if (found === wanted.slice(at + 1)) return undefined;
  const says = found === undefined ? `has no tag ${key}` : `says ${key}=${found}`;
  return `Wrong bucket: S3_BUCKET_TAG is ${wanted}, but bucket ${bucket} ${says}; nothing is deleted. Name the right bucket, or give this one the tag.`;
}

/**
 * @param record its origin and the time it was produced at; what to call it, if it is none of a work topic.
 * @param database read no earlier than the record was.
 */
export function judgeOrigin(
  record: { readonly origin: HistoryPoint; readonly timestampMs: number; readonly by?: string },
  database: HistoryPoint,
  acceptance: Acceptance | undefined,
): Verdict {
  if (isAccepted(database, acceptance) && record.timestampMs <= acceptance.atMs) {
    return { kind: 'older-history' };
  }
  const { origin, by = 'The record' } = record;
  if (
    origin.systemIdentifier !== database.systemIdentifier ||
    origin.databaseName !== database.databaseName
  ) {
    return hold(
      `${by} was read from database ${quoted(origin.databaseName)} of system ${quoted(origin.systemIdentifier)}, but this is ${database.databaseName} of ${database.systemIdentifier}.`,
    );
  }
  if (origin.timeline !== database.timeline) {
    return hold(
      `${by} was read on timeline ${origin.timeline}, but the database is on ${database.timeline}: it was restored or failed over.`,
    );
  }
  if (origin.lsn > database.lsn) {
    return hold(
      `${by} was read at position ${origin.lsn} of the write-ahead log, but the database has only come to ${database.lsn}: it is an older copy${record.by === undefined ? '' : ', or somebody else has written that'}.`,
      true,
    );
  }
  return { kind: 'same-history' };
}

type Timeline = Pick<HistoryPoint, 'systemIdentifier' | 'databaseName' | 'timeline'>;

/** One database on one timeline: its positions in the write-ahead log can be compared. */
export const isSameTimeline = (a: Timeline, b: Timeline): boolean =>
  a.systemIdentifier === b.systemIdentifier &&
  a.databaseName === b.databaseName &&
  a.timeline === b.timeline;

/** Whether the acceptance is for the history that the database is on now. */
export function isAccepted(
  database: HistoryPoint,
  acceptance: Acceptance | undefined,
): acceptance is Acceptance {
  return (
    acceptance !== undefined &&
    isSameTimeline(acceptance, database) &&
    acceptance.lsn <= database.lsn
  );
}

const howToGoOn =
  'Nothing is deleted until this is the right database or `afterbuild accept-database --reason "…" --yes` says so.';

const hold = (reason: string, sticky = false): Verdict => ({
  kind: 'hold',
  reason: `${reason} ${howToGoOn}`,
  sticky,
});
