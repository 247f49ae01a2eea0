/** The objects of rows that are gone: which may go, asking S3 for it, and what its answers mean for a record. */
import { WaitError } from '../../lib/runtime/record-errors';
import { isPassing, isSlowDown, S3Error } from '../../lib/stores/s3/errors';
import { chunksOf, contestable, type Item, keysToDelete, usableKey } from './decide';
import type { ArtifactObjects, ArtifactRows, DeletionCounts, ProveBucket } from './ports';

/** S3 takes no more keys in one request. */
const keysMax = 1_000;
/** Longer than S3 has trouble with a part of its keys, as a rule. */
const passingPatienceMs = 600_000;

/** Keys that a row still speaks for: their objects stay. */
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

export interface Deletion {
  readonly objects: ArtifactObjects;
  readonly proveBucket: ProveBucket;
  readonly counts: DeletionCounts;
}

/** @returns how many are gone, and why the others are not, by key. @throws S3Error when nothing is known of a request. */
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

/** Not that it was asked too fast: that says why the key was not deleted. */
const isTrouble = (code: string): boolean => isPassing(code) && !isSlowDown(code);

/** So many are looked for at once; when none of them is gone, the others are not looked for. */
const lookedForAtOnce = 16;

/**
 * A deletion whose answer was lost may be followed by trouble with keys that are gone: those need no second one.
 * That an object is not there says something of the right bucket only, so its proof is read again afterwards.
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
    if (error instanceof S3Error) return []; // not allowed to look, or not able to: no proof
    throw error;
  }
}

/**
 * Why these items have failed: what passes by itself is waited for, and only a refusal counts as an attempt. What
 * does not pass in ten minutes, while S3 answers, goes to the retry topics: others wait behind it in its lane.
 */
export function unfinished(failed: readonly Item[], failures: ReadonlyMap<string, string>): Error {
  const counts = new Map<string, number>();
  for (const { key } of failed) {
    const code = failures.get(key ?? '') ?? 'Unknown';
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  const codes = [...counts.keys()];
  const listed = [...counts].map(([code, count]) => `${code} for ${count}`).join(', ');
  const message = `S3 did not delete all objects: ${listed}. They are asked for again.`;
  if (codes.some(isPassing)) return new WaitError(message, { patienceMs: passingPatienceMs });
  return new S3Error(message, 'refused', codes[0] ?? 'Unknown', undefined, undefined);
}
