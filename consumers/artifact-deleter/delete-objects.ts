/**
 * Deletes the objects of rows that are gone: which keys may be deleted, the requests to S3, and what its answers mean
 * for a record.
 */
import { WaitError } from '../../lib/runtime/record-errors';
import { isPassing, isSlowDown, S3Error } from '../../lib/stores/s3/errors';
import { chunksOf, contestable, type Item, keysToDelete, usableKey } from './decide';
import type { ArtifactObjects, ArtifactRows, DeletionCounts, ProveBucket } from './ports';

/** S3 takes no more keys in one request. */
const keysMax = 1_000;
/** S3 usually recovers from trouble with a part of its keys within less. */
const passingPatienceMs = 600_000;

/** Keys that a row still claims: their objects stay. */
export async function findClaimed(
  rows: Pick<ArtifactRows, 'findLegacyClaims' | 'findFinalPathClaims'>,
  items: readonly Item[],
): Promise<ReadonlySet<string>> {
  const { legacyJobIds, finalPaths } = contestable(items);
  const claimed = new Set<string>();
  if (legacyJobIds.length > 0) {
    for (const row of await rows.findLegacyClaims(legacyJobIds)) {
      const key = usableKey(row);
      if (typeof key === 'string') claimed.add(key);
    }
  }
  if (finalPaths.length > 0) {
    for (const path of await rows.findFinalPathClaims(finalPaths)) claimed.add(path);
  }
  return claimed;
}

interface Deletion {
  readonly objects: ArtifactObjects;
  readonly proveBucket: ProveBucket;
  readonly counts: DeletionCounts;
}

/**
 * @returns how many objects are gone, and why the others are not, by key. @throws S3Error when the result of a request
 * is unknown.
 */
export async function deleteObjects(
  { objects, proveBucket, counts }: Deletion,
  items: readonly Item[],
  claimed: ReadonlySet<string>,
): Promise<{ asked: number; failures: ReadonlyMap<string, string> }> {
  const keys = keysToDelete(items, claimed);
  const sizes = new Map(
    items.map(({ key, artifact }) => [key, Math.max(artifact.sizeBytes ?? 0, 0)]),
  );
  const failures = new Map<string, string>();
  for (const chunk of chunksOf(keys, keysMax)) {
    for (const { key, code } of await objects.deleteObjects(chunk)) failures.set(key, code);
    const troubled = chunk.filter((key) => isTrouble(failures.get(key) ?? ''));
    for (const key of await findAbsent(objects, proveBucket, troubled)) failures.delete(key);
    const gone = chunk.filter((key) => !failures.has(key));
    counts.objects(
      gone.length,
      gone.reduce((sum, key) => sum + (sizes.get(key) ?? 0), 0),
    );
  }
  for (const item of items) {
    if (item.key !== null && failures.has(item.key)) item.fate = 'failed';
  }
  return { asked: keys.length - failures.size, failures };
}

/** Not a SlowDown: this is the reason why the key was not deleted. */
const isTrouble = (code: string): boolean => isPassing(code) && !isSlowDown(code);

/** So many are looked up at once; when all of them still exist, the others are not looked up. */
const lookedForAtOnce = 16;

/**
 * After a deletion whose answer was lost, S3 may report trouble with keys that are gone: those need no second deletion.
 * A missing object proves something in the right bucket only, so the bucket's tag is read again afterwards.
 *
 * @throws BrakeError when it is another bucket by now.
 */
async function findAbsent(
  objects: ArtifactObjects,
  proveBucket: ProveBucket,
  keys: readonly string[],
): Promise<readonly string[]> {
  const absent: string[] = [];
  try {
    for (const some of chunksOf(keys, lookedForAtOnce)) {
      const found = await Promise.all(some.map((key) => objects.headObject(key)));
      const gone = some.filter((_, index) => found[index] === null);
      absent.push(...gone);
      if (gone.length === 0) break;
    }
    if (absent.length > 0) await proveBucket();
    return absent;
  } catch (error) {
    if (error instanceof S3Error) return []; // no right to look it up, or no answer: no proof
    throw error;
  }
}

/**
 * Why these items have failed. A failure that passes by itself is waited for; only a refusal counts as an attempt. A
 * failure that lasts ten minutes while S3 answers goes to the retry topics, since others wait behind it in its lane.
 */
export function unfinished(failed: readonly Item[], failures: ReadonlyMap<string, string>): Error {
  const counts = new Map<string, number>();
  for (const { key } of failed) {
    const code = failures.get(key ?? '') ?? 'Unknown';
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  const codes = [...counts.keys()];
  const listed = [...counts].map(([code, count]) => `${code} for ${count}`).join(', ');
  const message = `S3 did not delete all objects: ${listed}. They are deleted again later.`;
  if (codes.some(isPassing)) return new WaitError(message, { patienceMs: passingPatienceMs });
  return new S3Error(message, 'refused', codes[0] ?? 'Unknown', undefined, undefined);
}
