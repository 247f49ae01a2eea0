/**
 * Compares the claims of the rows with the objects in the bucket (I3, I4), beside a live pipeline.
 *
 * The two are not read at one moment, so a difference is only a suspicion. Each one is checked again at the end, and
 * once more after a pause: meanwhile the pipeline has finished its running work. Only a difference that lasts is
 * reported.
 */
import { objectShape } from '../gitlab/object-key';
import type { Clock } from '../process/clock';
import type { Claim, ClaimQuestion, OddArtifact } from '../stores/postgres/artifact-claims';
import { mergeByKey } from './merge';

export interface CheckPorts {
  readonly claims: {
    all(): AsyncIterable<Claim>;
    odd(): Promise<readonly OddArtifact[]>;
    of(question: ClaimQuestion): Promise<readonly Claim[]>;
    deletedByGitlab(keys: readonly string[]): Promise<readonly string[]>;
  };
  readonly objects: {
    listObjects(): AsyncIterable<{ readonly key: string }>;
    headObject(key: string): Promise<object | null>;
  };
  readonly uploads: { pending(keys: readonly string[]): Promise<readonly string[]> };
  readonly clock: Clock;
}

interface CheckOptions {
  /** Suspicions kept in memory; further ones are only counted. */
  readonly suspectsMax: number;
  /** Time between the first check of a suspicion and the last one. */
  readonly pauseMs: number;
  readonly signal: AbortSignal;
  /** Called now and then while the streams are read. */
  onProgress(read: { readonly rows: number; readonly objects: number }): void;
}

interface RowWithoutObject {
  readonly invariant: 'I3';
  readonly id: number;
  readonly partitionId: number;
  readonly key: string;
}

interface ObjectWithoutRow {
  readonly invariant: 'I4';
  readonly key: string;
}

export type Break = RowWithoutObject | ObjectWithoutRow;

export interface CheckReport {
  /** Remote artifact rows with a key. */
  readonly rows: number;
  readonly objects: number;
  /** Objects whose keys do not have the pipeline's shapes: never checked. */
  readonly foreignObjects: number;
  /** Rows that may be deleted now: they wait, and are no break. */
  readonly dueRows: number;
  readonly breaks: readonly Break[];
  /** Rows without a usable key: not compared. */
  readonly setAside: readonly OddArtifact[];
  /** Suspicions beyond `suspectsMax`, not checked again. */
  readonly unverified: number;
}

const progressEvery = 10_000;
const batchKeys = 500;
const headsAtOnce = 16;

interface Counts {
  rows: number;
  objects: number;
  foreignObjects: number;
  dueRows: number;
  unverified: number;
}

export async function checkStores(ports: CheckPorts, options: CheckOptions): Promise<CheckReport> {
  const counts = { rows: 0, objects: 0, foreignObjects: 0, dueRows: 0, unverified: 0 };
  const suspects = await findSuspects(ports, options, counts);
  let breaks = await verify(ports, suspects);
  if (breaks.length > 0) {
    await ports.clock.sleep(options.pauseMs, options.signal);
    breaks = await verify(ports, breaks);
  }
  return { ...counts, breaks, setAside: await ports.claims.odd() };
}

async function findSuspects(
  { claims, objects }: CheckPorts,
  options: CheckOptions,
  counts: Counts,
): Promise<Break[]> {
  const suspects: Break[] = [];
  let lastKey: string | undefined;
  for await (const { left, right } of mergeByKey(claims.all(), objects.listObjects())) {
    options.signal.throwIfAborted();
    count(counts, left, right, lastKey);
    lastKey = right?.key ?? lastKey;
    const suspect = suspectOf(left, right);
    if (suspect && suspects.length < options.suspectsMax) suspects.push(suspect);
    else if (suspect) counts.unverified += 1;
    if ((counts.rows + counts.objects) % progressEvery === 0) options.onProgress(counts);
  }
  return suspects;
}

interface Named {
  readonly key: string;
}

/** @param lastKey several rows may claim one object: it counts once. */
function count(
  counts: Counts,
  row: Claim | undefined,
  object: Named | undefined,
  lastKey: string | undefined,
): void {
  if (row) counts.rows += 1;
  if (row?.isDue === true) counts.dueRows += 1;
  if (!object || object.key === lastKey) return;
  counts.objects += 1;
  if (isForeign(row, object)) counts.foreignObjects += 1;
}

/** An object that no row claims, and whose key is not of an artifact's shape, is foreign. */
const isForeign = (row: Claim | undefined, object: Named): boolean =>
  row === undefined && objectShape(object.key) === 'foreign';

function suspectOf(row: Claim | undefined, object: Named | undefined): Break | undefined {
  if (row && !object) {
    return { invariant: 'I3', id: row.id, partitionId: row.partitionId, key: row.key };
  }
  if (row || !object || isForeign(row, object)) return undefined;
  return { invariant: 'I4', key: object.key };
}

/** @returns those that are still suspicious. */
async function verify(ports: CheckPorts, suspects: readonly Break[]): Promise<Break[]> {
  const still: Break[] = [];
  for (let at = 0; at < suspects.length; at += batchKeys) {
    const batch = suspects.slice(at, at + batchKeys);
    // The object before the row: if the row still exists after its object was missing, it is a break for sure.
    const stored = await storedOf(ports, batch);
    const claimed = await claimsOn(ports, batch);
    const unclaimed = batch
      .filter(({ invariant, key }) => invariant === 'I4' && stored.has(key) && !claimed.has(key))
      .map(({ key }) => key);
    const excused = new Set([
      ...(await ports.uploads.pending(unclaimed)),
      ...(unclaimed.length === 0 ? [] : await ports.claims.deletedByGitlab(unclaimed)),
    ]);
    still.push(
      ...batch.filter(({ invariant, key }) =>
        invariant === 'I3'
          ? claimed.has(key) && !stored.has(key)
          : stored.has(key) && !claimed.has(key) && !excused.has(key),
      ),
    );
  }
  return still;
}

async function claimsOn({ claims }: CheckPorts, batch: readonly Break[]): Promise<Set<string>> {
  const ids: number[] = [];
  const legacyJobIds: number[] = [];
  const finalPaths: string[] = [];
  for (const suspect of batch) {
    const parts = suspect.key.split('/');
    const shape = objectShape(suspect.key);
    if (suspect.invariant === 'I3') ids.push(suspect.id);
    else if (shape === 'hashed') ids.push(...idOf(parts[5]));
    else if (shape === 'legacy') legacyJobIds.push(...idOf(parts[2]));
    // A final path may have any shape, even that of another kind of key.
    if (suspect.invariant === 'I4') finalPaths.push(suspect.key);
  }
  const rows = await claims.of({ ids, legacyJobIds, finalPaths });
  return new Set(rows.map(({ key }) => key));
}

/** None for digits that are no id of a row: PostgreSQL would refuse the whole query. */
function idOf(digits: string | undefined): number[] {
  const id = Number(digits);
  return Number.isSafeInteger(id) ? [id] : [];
}

async function storedOf({ objects }: CheckPorts, batch: readonly Break[]): Promise<Set<string>> {
  const stored = new Set<string>();
  const keys = batch.values();
  const lane = async (): Promise<void> => {
    for (const { key } of keys) if ((await objects.headObject(key)) !== null) stored.add(key);
  };
  await Promise.all(Array.from({ length: headsAtOnce }, lane));
  return stored;
}
