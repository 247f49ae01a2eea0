/**
 * Compares the stores with the ledger: how much is gone, how much is left, and every break of the invariants.
 *
 * It reads rows from the database, objects from the bucket's listing, and live chunks from Redis. Call it when the
 * small GitLab is quiet; an artifact that expires during the read may exist or not.
 */
import type { Redis } from 'ioredis';
import { fileStore, fileType } from '../../lib/gitlab/enums';
import { objectShape } from '../../lib/gitlab/object-key';
import { traceRows, type TraceRow } from './traces/archived-trace';
import { Breaks, type Break } from './breaks';
import {
  finiteMs,
  sha256Of,
  type BytesEntry,
  type KnownArtifact,
  type LedgerState,
  type ReadableLedger,
} from './ledger';
import type { GitlabObjects, ListedObject } from './objects';
import type { Queryable } from './rows';
import { bodyOf, databaseNowMs } from './small-gitlab';
import { isFogKey } from './traces/trace-stores';
import { verifyTraces, type TraceCounts } from './traces/verify-traces';

export interface Verification extends TraceCounts {
  /** Artifacts of the N whose row and object are both gone. */
  readonly deleted: number;
  /** Artifacts of the N whose row exists. */
  readonly kept: number;
  /** Artifacts that GitLab itself deleted, with any object. */
  readonly deletedByGitlab: number;
  /** Due by the database's clock, and not deleted. */
  readonly overdue: number;
  readonly breaks: readonly Break[];
}

interface Stores {
  readonly pool: Queryable;
  readonly objects: GitlabObjects;
  readonly redis: Redis;
  /** When GitLab keeps its chunks on another server. */
  readonly chunkRedis?: Redis;
  readonly ledger: ReadableLedger;
}

interface VerifyOptions {
  /** `archived` once an archiver has done its work; until then finished builds may keep their chunks. */
  readonly traces?: 'may-wait' | 'archived';
}

const pageRows = 10_000;
/** Kept objects whose bytes are compared, spread evenly; sizes are compared for all. */
const sampleObjects = 200;

/** Stands for the sizes that verify-traces.ts checks itself. */
const anySize = -1;

/** The moments between which the stores were read. */
interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Memory grows with the ledger: about 100 MB for 250,000 artifacts.
 * @throws errors of the stores, and of a damaged ledger.
 */
export async function verify(
  stores: Stores,
  { traces = 'may-wait' }: VerifyOptions = {},
): Promise<Verification> {
  const ledger = await stores.ledger.read();
  const breaks = new Breaks();
  const fromMs = await databaseNowMs(stores.pool);
  const rows = await readRows(stores.pool, ledger, breaks);
  const archived = await traceRows(stores.pool);
  const bucket = await readBucket(stores.objects, { ledger, archived }, breaks);
  const { listed } = bucket;
  const span = { fromMs, toMs: await databaseNowMs(stores.pool) };

  const counts = countArtifacts({ ledger, rows, listed, span }, breaks);
  await compareBytes(stores, ledger, rows, breaks);
  const mayWait = traces === 'may-wait';
  const view = { ledger, rows: archived, mayWait, ...bucket };
  return { ...counts, ...(await verifyTraces(stores, view, breaks)), breaks: breaks.all() };
}

function countArtifacts(
  found: {
    ledger: LedgerState;
    rows: ReadonlySet<number>;
    listed: ReadonlySet<string | null>;
    span: Span;
  },
  breaks: Breaks,
): Omit<Verification, 'breaks' | keyof TraceCounts> {
  const { ledger, rows, listed, span } = found;
  const counts = { deleted: 0, kept: 0, deletedByGitlab: 0, overdue: 0 };
  // A legacy key names no artifact: a new one for the same job and type has the same key.
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
  return counts;
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

/** I5, by GitLab's last entry for the row. */
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
    // GitLab uploads a trace after its row, and that row may be adopted: verify-traces.ts checks it.
    const hasOwnObject = key !== null && artifact.fileType !== fileType.trace;
    if (hasOwnObject && !found.hasObject) breaks.add('I3', 'rows point at missing objects', id);
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
  readonly job_id: string;
  readonly file_type: number;
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
      `SELECT id, job_id, file_type, locked,
         floor(extract(epoch FROM expire_at) * 1000)::float8 AS expire_ms
       FROM p_ci_job_artifacts WHERE id > $1 ORDER BY id LIMIT $2`,
      [after, pageRows],
    );
    for (const row of rows) {
      ids.add(Number(row.id));
      compareRow(row, ledger, breaks);
    }
    const last = rows.at(-1);
    if (!last) return ids;
    after = Number(last.id);
  }
}

/** The archiver writes traces, too; all other rows are GitLab's alone. */
function compareRow(row: Row, ledger: LedgerState, breaks: Breaks): void {
  const id = Number(row.id);
  const known = ledger.artifacts.get(id);
  if (known) {
    const differs = known.locked !== row.locked || known.expireAtMs !== finiteMs(row.expire_ms);
    if (differs) breaks.add('I5', 'rows differ from what GitLab last wrote', id);
    return;
  }
  const isArchived = row.file_type === fileType.trace && ledger.traces.has(Number(row.job_id));
  if (!isArchived) breaks.add('I5', 'rows are there that GitLab never wrote', id);
}

interface Bucket {
  /** The keys in the ledger. */
  readonly listed: ReadonlySet<string | null>;
  /** Sizes by the keys of archived traces. */
  readonly objects: ReadonlyMap<string, number>;
  readonly fogKeys: ReadonlySet<string>;
}

/** Sizes are compared in the same read, except those of traces, which may have been extended. */
async function readBucket(
  objects: GitlabObjects,
  known: { ledger: LedgerState; archived: ReadonlyMap<number, TraceRow> },
  breaks: Breaks,
): Promise<Bucket> {
  const sizes = knownSizes(known.ledger);
  const traceKeys = new Set([...known.archived.values()].map(({ key }) => key));
  const found = { listed: new Set<string>(), objects: new Map<string, number>() };
  const fogKeys = new Set<string>();
  for await (const page of objects.list()) {
    for (const { key, sizeBytes } of page) {
      if (traceKeys.has(key)) found.objects.set(key, sizeBytes);
      if (isFogKey(key)) fogKeys.add(key);
      const wanted = sizes.get(key);
      if (wanted !== undefined) {
        found.listed.add(key);
        compareSize({ key, sizeBytes }, wanted, breaks);
      } else if (isOwned(key) && !traceKeys.has(key)) {
        breaks.add('I4', 'objects without a claim', key);
      }
    }
  }
  for (const key of known.ledger.objects.keys()) {
    if (!found.listed.has(key)) breaks.add('I5', 'objects of others are gone', key);
  }
  return { ...found, fogKeys };
}

/** Chunks never have the shape of an artifact's key, even if other shapes change. */
function isOwned(key: string): boolean {
  return objectShape(key) !== 'foreign' && !isFogKey(key);
}

function compareSize({ key, sizeBytes }: ListedObject, wanted: number, breaks: Breaks): void {
  if (wanted !== anySize && sizeBytes !== wanted)
    breaks.add('I5', 'objects changed their size', key);
}

function knownSizes(ledger: LedgerState): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { key, sizeBytes, fileType: type } of ledger.artifacts.values()) {
    if (key !== null) sizes.set(key, type === fileType.trace ? anySize : sizeBytes);
  }
  for (const { key, sizeBytes } of ledger.objects.values()) sizes.set(key, sizeBytes);
  return sizes;
}

/** All foreign objects, and a sample of the kept ones; the bytes of traces have a check of their own. */
async function compareBytes(
  { objects }: Stores,
  ledger: LedgerState,
  rows: ReadonlySet<number>,
  breaks: Breaks,
): Promise<void> {
  for (const entry of ledger.objects.values()) {
    await compareObject(objects, entry, breaks);
  }
  const kept = [...ledger.artifacts.values()].filter(
    ({ id, key, fileType: type }) => key !== null && type !== fileType.trace && rows.has(id),
  );
  const every = Math.max(1, Math.ceil(kept.length / sampleObjects));
  for (const [place, { id, key, sizeBytes }] of kept.entries()) {
    if (key === null || place % every !== 0) continue;
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
  // The listing has reported a missing one already, or it may be deleted at this moment.
  if (bytes && sha256Of(bytes) !== sha256) breaks.add('I5', 'objects changed their bytes', key);
}
