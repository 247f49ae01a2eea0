/**
 * Compares the stores with the ledger: what is gone, what is left, and every break of the invariants.
 *
 * Nothing is remembered by the pipeline: rows are read from the database, objects from the bucket's
 * listing, live chunks from Redis. Call it when the small GitLab is quiet; whatever expires while it
 * reads may be there or not.
 */
import type { Redis } from 'ioredis';
import { fileStore, fileType } from '../../lib/gitlab/enums';
import { objectShape } from '../../lib/gitlab/object-key';
import {
  sha256Of,
  type BytesEntry,
  type KnownArtifact,
  type LedgerState,
  type ReadableLedger,
} from './ledger';
import type { GitlabObjects } from './objects';
import type { Queryable } from './rows';
import { bodyOf, databaseNowMs } from './small-gitlab';

export interface Break {
  readonly invariant: 'I3' | 'I4' | 'I5';
  /** What was found, as the end of a sentence. */
  readonly what: string;
  /** Artifact ids or keys: the first twenty. */
  readonly ids: readonly (number | string)[];
  readonly count: number;
}

export interface Verification {
  /** Artifacts of the N whose row and object are both gone. */
  readonly deleted: number;
  /** Artifacts of the N whose row is there. */
  readonly kept: number;
  /** What GitLab itself deleted, of whatever it had. */
  readonly deletedByGitlab: number;
  /** Due by the database's clock, and still there. */
  readonly overdue: number;
  readonly breaks: readonly Break[];
}

export interface Stores {
  readonly pool: Queryable;
  readonly objects: GitlabObjects;
  readonly redis: Redis;
  readonly ledger: ReadableLedger;
}

const pageRows = 10_000;
const idsShown = 20;
/** Kept objects whose bytes are compared, spread evenly; sizes are compared for all. */
const sampleObjects = 200;

class Breaks {
  private readonly found = new Map<string, Break & { ids: (number | string)[]; count: number }>();

  add(invariant: Break['invariant'], what: string, id: number | string): void {
    const name = `${invariant} ${what}`;
    const known = this.found.get(name) ?? { invariant, what, ids: [], count: 0 };
    known.count += 1;
    if (known.ids.length < idsShown) known.ids.push(id);
    this.found.set(name, known);
  }

  all(): Break[] {
    return [...this.found.values()];
  }
}

/** The moments between which the stores were read. */
interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Memory grows with the ledger: about 100 MB for 250,000 artifacts.
 * @throws the stores' errors, and the ledger's when it is damaged.
 */
export async function verify(stores: Stores): Promise<Verification> {
  const ledger = await stores.ledger.read();
  const breaks = new Breaks();
  const fromMs = await databaseNowMs(stores.pool);
  const rows = await readRows(stores.pool, ledger, breaks);
  const listed = await readBucket(stores.objects, ledger, breaks);
  const span = { fromMs, toMs: await databaseNowMs(stores.pool) };

  const counts = { deleted: 0, kept: 0, deletedByGitlab: 0, overdue: 0 };
  // A legacy key names no artifact: one that was made anew for the same job and type has the same one.
  const unclaimed = withoutClaimed(listed, ledger, rows);
  for (const artifact of ledger.artifacts.values()) {
    const hasRow = rows.has(artifact.id);
    const hasObject = (hasRow ? listed : unclaimed).has(artifact.key);
    judge(artifact, { hasRow, hasObject }, span, breaks);
    if (artifact.deletedByGitlab) counts.deletedByGitlab += 1;
    else if (hasRow && mayGo(artifact, span.fromMs)) counts.overdue += 1;
    if (!artifact.counted) continue;
    if (hasRow) counts.kept += 1;
    else if (!hasObject && !artifact.deletedByGitlab) counts.deleted += 1;
  }
  await compareBytes(stores, ledger, rows, breaks);
  await compareChunks(stores.redis, ledger, breaks);
  return { ...counts, breaks: breaks.all() };
}

function withoutClaimed(
  listed: ReadonlySet<string | null>,
  ledger: LedgerState,
  rows: ReadonlySet<number>,
): ReadonlySet<string | null> {
  const alive = [...ledger.artifacts.values()].filter(({ id }) => rows.has(id));
  const claimed = new Set(alive.map(({ key }) => key));
  return new Set([...listed].filter((key) => !claimed.has(key)));
}

/** I5, by GitLab's last word on the row. */
function mayGo(artifact: KnownArtifact, atMs: number): boolean {
  return (
    artifact.locked === 0 &&
    artifact.fileType !== fileType.trace &&
    artifact.fileStore === fileStore.remote &&
    artifact.expireAtMs !== null &&
    artifact.expireAtMs < atMs
  );
}

function judge(
  artifact: KnownArtifact,
  found: { hasRow: boolean; hasObject: boolean },
  span: Span,
  breaks: Breaks,
): void {
  const { id, key } = artifact;
  if (found.hasRow) {
    if (artifact.deletedByGitlab) breaks.add('I5', 'rows that GitLab deleted are there', id);
    if (key !== null && !found.hasObject) breaks.add('I3', 'rows point at missing objects', id);
    if (mayGo(artifact, span.fromMs)) breaks.add('I4', 'expired rows are still there', id);
    return;
  }
  if (found.hasObject) breaks.add('I4', 'objects outlived their rows', id);
  if (!artifact.deletedByGitlab && !mayGo(artifact, span.toMs)) {
    breaks.add('I5', 'rows are gone that had to stay', id);
  }
}

interface Row {
  readonly id: string;
  readonly expire_ms: number | null;
  readonly locked: number;
}

/** @returns the ids of all rows; each row is compared with its last state in the ledger. */
async function readRows(
  pool: Queryable,
  ledger: LedgerState,
  breaks: Breaks,
): Promise<ReadonlySet<number>> {
  const ids = new Set<number>();
  let after = 0;
  for (;;) {
    const { rows } = await pool.query<Row>(
      `SELECT id, floor(extract(epoch FROM expire_at) * 1000)::float8 AS expire_ms, locked
       FROM p_ci_job_artifacts WHERE id > $1 ORDER BY id LIMIT $2`,
      [after, pageRows],
    );
    for (const row of rows) {
      const id = Number(row.id);
      ids.add(id);
      const known = ledger.artifacts.get(id);
      if (!known) breaks.add('I5', 'rows are there that GitLab never wrote', id);
      else if (known.locked !== row.locked || known.expireAtMs !== row.expire_ms) {
        breaks.add('I5', 'rows differ from what GitLab last wrote', id);
      }
    }
    const last = rows.at(-1);
    if (!last) return ids;
    after = Number(last.id);
  }
}

/** @returns the keys that the ledger knows of; sizes are compared on the way. */
async function readBucket(
  objects: GitlabObjects,
  ledger: LedgerState,
  breaks: Breaks,
): Promise<ReadonlySet<string | null>> {
  const sizes = knownSizes(ledger);
  const listed = new Set<string>();
  for await (const page of objects.list()) {
    for (const { key, sizeBytes } of page) {
      const known = sizes.get(key);
      if (known === undefined) {
        if (objectShape(key) !== 'foreign') breaks.add('I4', 'objects that nobody claims', key);
        continue;
      }
      listed.add(key);
      if (known !== sizeBytes) breaks.add('I5', 'objects changed their size', key);
    }
  }
  for (const key of ledger.objects.keys()) {
    if (!listed.has(key)) breaks.add('I5', 'objects of others are gone', key);
  }
  return listed;
}

function knownSizes(ledger: LedgerState): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { key, sizeBytes } of ledger.artifacts.values()) {
    if (key !== null) sizes.set(key, sizeBytes);
  }
  for (const { key, sizeBytes } of ledger.objects.values()) sizes.set(key, sizeBytes);
  return sizes;
}

/** All objects of others and all traces, and a sample of what was kept. */
async function compareBytes(
  { objects }: Stores,
  ledger: LedgerState,
  rows: ReadonlySet<number>,
  breaks: Breaks,
): Promise<void> {
  for (const entry of ledger.objects.values()) {
    await compareObject(objects, entry, breaks);
  }
  const kept = [...ledger.artifacts.values()].filter(({ id, key }) => key !== null && rows.has(id));
  const every = Math.max(1, Math.ceil(kept.length / sampleObjects));
  for (const [place, { id, key, sizeBytes, fileType: type }] of kept.entries()) {
    if (key === null || (place % every !== 0 && type !== fileType.trace)) continue;
    const sha256 = sha256Of(bodyOf(id, sizeBytes));
    await compareObject(objects, { kind: 'object', key, sizeBytes, sha256 }, breaks);
  }
}

async function compareObject(
  objects: GitlabObjects,
  { key, sha256 }: BytesEntry,
  breaks: Breaks,
): Promise<void> {
  const bytes = await objects.read(key);
  // An absent one has been told by the listing, or may go this very moment.
  if (bytes && sha256Of(bytes) !== sha256) breaks.add('I5', 'objects changed their bytes', key);
}

async function compareChunks(redis: Redis, ledger: LedgerState, breaks: Breaks): Promise<void> {
  for (const { key, sha256 } of ledger.chunks.values()) {
    const bytes = await redis.getBuffer(key);
    if (bytes === null) breaks.add('I5', 'live trace chunks are gone', key);
    else if (sha256Of(bytes) !== sha256) breaks.add('I5', 'live trace chunks changed', key);
  }
}

export interface OpenWork {
  /** Rows that may go now. */
  readonly due: number;
  /** Unlocked rows that expire within the given time. */
  readonly soon: number;
  /** All rows that are no traces. */
  readonly artifacts: number;
}

/** What is left to do, by the database's clock: for progress, and to know when to verify. */
export async function countOpenWork(pool: Queryable, soonMs: number): Promise<OpenWork> {
  const { rows } = await pool.query<{ due: number; soon: number; artifacts: number }>(
    `SELECT count(*) FILTER (WHERE may_go AND expire_at < now())::int AS due,
       count(*) FILTER (WHERE may_go AND expire_at >= now()
         AND expire_at < now() + $1 * interval '1 millisecond')::int AS soon,
       count(*)::int AS artifacts
     FROM (SELECT expire_at, locked = 0 AND file_store = 2 AS may_go
           FROM p_ci_job_artifacts WHERE file_type <> 3) AS artifact`,
    [soonMs],
  );
  return rows[0] as OpenWork;
}
