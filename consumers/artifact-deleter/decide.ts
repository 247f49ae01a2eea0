/** Decides what happens to each artifact of a micro-batch. Pure: from the answers of the stores. */
import type { ArtifactsExpired, ExpiredArtifact } from '../../schemas/generated';
import type { Arrival } from '../../lib/brake/absence-gauge';
import type { Verdict } from '../../lib/brake/decide';
import {
  type ArtifactKeyColumns,
  artifactObjectKey,
  namesArtifact,
  objectShape,
  UnusableObjectKeyError,
} from '../../lib/gitlab/object-key';
import { isSaidAgain } from '../../lib/runtime/failure-headers';
import { done, doneWithLess, type Outcome, retry, skip } from '../../lib/runtime/outcome';
import type { ConsumedRecord } from '../../lib/runtime/subscription';
import { isRetryTopic } from '../../lib/kafka/topics/topics';

/** One artifact of one record, with what is known of it so far. */
export interface Item {
  readonly artifact: ExpiredArtifact;
  readonly partitionId: number;
  /** Null: the row never had an object. */
  readonly key: string | null;
  /** Whether a missing row proves that the object may be deleted. */
  readonly absenceProves: boolean;
  fate: Fate;
}

type Fate =
  | 'undecided'
  /** Our statement deleted the row: the object goes. */
  | 'deleted'
  /** The row was gone before: the object goes, so that a redelivery finishes the work. */
  | 'already-gone'
  /** The row exists: locked, extended, changed or moved meanwhile. Its object stays. */
  | 'kept'
  /** The row does not exist, in another history than the record's: the object stays for `reconcile`. */
  | 'left'
  /** The key could name another artifact's object, or cannot be sent to S3: row and object stay. */
  | 'unusable'
  /** Not finished: the record comes again. */
  | 'failed';

/** @param objects knows which keys can be sent: a row whose object could not be deleted stays. */
export function itemsOf(
  record: ArtifactsExpired,
  verdict: Verdict,
  objects: { canDelete(key: string): boolean },
): Item[] {
  const absenceProves = verdict.kind === 'same-history';
  const { partitionId } = record;
  return record.artifacts.map((artifact) => {
    const key = usableKey(artifact);
    return {
      artifact,
      partitionId,
      key: key ?? null,
      absenceProves,
      fate: isUsable(key, objects) ? 'undecided' : 'unusable',
    };
  });
}

const isUsable = (
  key: string | null | undefined,
  objects: { canDelete(key: string): boolean },
): boolean => key === null || (key !== undefined && objects.canDelete(key));

/** Undefined when the key does not name this artifact: then record or row names another artifact's object. */
export function usableKey(artifact: ArtifactKeyColumns): string | null | undefined {
  try {
    const key = artifactObjectKey(artifact);
    return key === null || namesArtifact(artifact, key) ? key : undefined;
  } catch (error) {
    if (error instanceof UnusableObjectKeyError) return undefined;
    throw error;
  }
}

/** Items of one partition_id each, sorted by id, at most `rowsMax` in a statement. */
export function statementsOf(items: readonly Item[], rowsMax: number): Item[][] {
  const byPartition = Map.groupBy(
    items.filter(({ fate }) => fate === 'undecided'),
    ({ partitionId }) => partitionId,
  );
  return [...byPartition.values()].flatMap((group) =>
    chunksOf(
      group.toSorted((a, b) => a.artifact.id - b.artifact.id),
      rowsMax,
    ),
  );
}

export function chunksOf<T>(all: readonly T[], sizeMax: number): T[][] {
  const chunks: T[][] = [];
  for (let at = 0; at < all.length; at += sizeMax) chunks.push(all.slice(at, at + sizeMax));
  return chunks;
}

/**
 * After the DELETE, which only returns whose rows it deleted. Records may name one artifact twice with different
 * columns: then only one of the keys was the row's, and each has to show that no row claims it.
 */
export function settleDeleted(statement: readonly Item[], deleted: ReadonlySet<number>): void {
  const keys = new Map<number, string | null | undefined>();
  for (const { artifact, key } of statement) {
    const isOther = keys.has(artifact.id) && keys.get(artifact.id) !== key;
    keys.set(artifact.id, isOther ? undefined : key);
  }
  for (const item of statement) {
    if (!deleted.has(item.artifact.id)) continue;
    if (keys.get(item.artifact.id) !== undefined) item.fate = 'deleted';
    else item.fate = item.absenceProves ? 'already-gone' : 'left';
  }
}

/** After the lookup that followed the commit. */
export function settleMissing(items: readonly Item[], existing: ReadonlySet<number>): void {
  for (const item of items) {
    if (item.fate !== 'undecided') continue;
    if (existing.has(item.artifact.id)) item.fate = 'kept';
    else item.fate = item.absenceProves ? 'already-gone' : 'left';
  }
}

/** Of one record: the artifacts whose rows were gone without our doing, and that have an object to lose. */
export function unexplainedAbsences(
  items: readonly Item[],
  wasDeletedHere: (id: number) => boolean,
): readonly Item[] {
  return items.filter(
    ({ fate, artifact, key }) =>
      fate === 'already-gone' && key !== null && !wasDeletedHere(artifact.id),
  );
}

export const countOf = (items: readonly Item[], fate: Fate): number =>
  items.filter((item) => item.fate === fate).length;

/**
 * How the record came to this process. The record's own claims (its source, its headers) widen the limit, and remove it
 * from no count.
 */
export function arrivalOf({
  topic,
  attempt,
  maybeRepeated,
  headers,
  value,
}: Pick<
  ConsumedRecord<ArtifactsExpired>,
  'topic' | 'attempt' | 'maybeRepeated' | 'headers' | 'value'
>): Arrival {
  if (isRetryTopic(topic)) return 'retried';
  if (maybeRepeated) return 'repeated';
  const isAgain = attempt > 1 || isSaidAgain(headers) || value.source === 'repair';
  return isAgain ? 'again' : 'first';
}

/**
 * Keys at random: the writer of a record cannot know which are checked.
 * @param random from 0 up to but not including 1.
 */
export function sampleKeys(
  items: readonly Item[],
  count: number,
  random: () => number,
): readonly string[] {
  const keys = items.flatMap(({ key }) => key ?? []);
  for (let at = 0; at < Math.min(count, keys.length); at += 1) {
    const other = at + Math.floor(random() * (keys.length - at));
    [keys[at], keys[other]] = [keys[other] ?? '', keys[at] ?? ''];
  }
  return keys.slice(0, count);
}

/** Where to look for a row that still claims one of the keys. */
interface ClaimPlaces {
  readonly legacyJobIds: readonly number[];
  /** Only a row of its own project can claim a final path: the path begins with the project's hash. */
  readonly finalPaths: readonly { readonly projectId: number; readonly path: string }[];
}

/** Keys that the artifact's id does not make unique: another artifact may still claim them. */
export function contestable(items: readonly Item[]): ClaimPlaces {
  const jobIds = new Set<number>();
  const finalPaths = new Map<string, number>();
  for (const { key, fate, artifact } of items) {
    if (key === null || !goes(fate)) continue;
    const shape = objectShape(key);
    if (shape === 'legacy') jobIds.add(artifact.jobId);
    // A final path is random: it is checked only when the row was not ours to delete.
    if (shape === 'final' && fate === 'already-gone') finalPaths.set(key, artifact.projectId);
  }
  return {
    legacyJobIds: [...jobIds],
    finalPaths: [...finalPaths].map(([path, projectId]) => ({ projectId, path })),
  };
}

/** The objects to delete now, each once. */
export function keysToDelete(items: readonly Item[], claimed: ReadonlySet<string>): string[] {
  const keys = new Set<string>();
  for (const { key, fate } of items) {
    if (key !== null && goes(fate) && !claimed.has(key)) keys.add(key);
  }
  return [...keys];
}

const goes = (fate: Fate): boolean => fate === 'deleted' || fate === 'already-gone';

/**
 * The rest of a record that failed in part: it comes again, so that S3 is not asked twice for a key.
 *
 * @param claimed keys that S3 was not asked to delete, because rows still claim them.
 * @param failure why these items of the record are not finished.
 */
export function outcomeOf(
  {
    record,
    items,
  }: { readonly record: { readonly value: ArtifactsExpired }; readonly items: readonly Item[] },
  claimed: ReadonlySet<string>,
  failure: (failed: readonly Item[]) => Error,
): Outcome {
  const failed = items.filter(({ fate }) => fate === 'failed');
  if (failed.length === items.length && failed.length > 0) return retry(failure(failed));
  if (failed.length > 0) {
    const rest = { ...record.value, artifacts: failed.map(({ artifact }) => artifact) };
    return retry(failure(failed), rest);
  }
  const gone = items.filter(({ fate }) => goes(fate));
  // S3 was not asked for a row without an object, or with an object that another row claims.
  const asked = gone.some(({ key }) => key !== null && !claimed.has(key));
  if (gone.length > 0) return asked ? done : doneWithLess;
  if (items.some(({ fate }) => fate === 'unusable')) return skip('unusable object key');
  if (items.some(({ fate }) => fate === 'left')) return skip('absent from an accepted database');
  return skip('no longer due');
}
