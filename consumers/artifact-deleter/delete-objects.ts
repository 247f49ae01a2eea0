/** The objects of rows that are gone: which may go, asking S3 for it, and what its answers mean for a record. */
import { WaitError } from '../../lib/kafka/record-errors';
import { isPassing, S3Error } from '../../lib/stores/s3/errors';
import { chunksOf, contestable, type Item, keysToDelete, usableKey } from './decide';
import type { ArtifactObjects, ArtifactRows, DeletionCounts } from './ports';

/** S3 takes no more keys in one request. */
const keysMax = 1_000;
/** Longer than S3 has trouble with a part of its keys, as a rule. */
const passingPatienceMs = 600_000;

/** Keys that a row still speaks for: their objects stay. */
export async function findClaimed(
  rows: Pick<ArtifactRows, 'findLegacyClaims' | 'findFinalPathClaims'>,
  items: readonly Item[],
): Promise<ReadonlySet<string>> {
  const { jobIds, finalPaths } = contestable(items);
  const claimed = new Set<string>();
  if (jobIds.length > 0) {
    for (const row of await rows.findLegacyClaims(jobIds)) {
      const key = usableKey(row);
      if (typeof key === 'string') claimed.add(key);
    }
  }
  if (finalPaths.length > 0) {
    for (const path of await rows.findFinalPathClaims(finalPaths)) claimed.add(path);
  }
  return claimed;
}

/** @returns how many are gone, and why the others are not, by key. @throws S3Error when nothing is known of a request. */
export async function deleteObjects(
  { objects, counts }: { readonly objects: ArtifactObjects; readonly counts: DeletionCounts },
  items: readonly Item[],
  claimed: ReadonlySet<string>,
): Promise<{ asked: number; failures: ReadonlyMap<string, string> }> {
  const keys = keysToDelete(items, claimed);
  const sizes = new Map(items.map(({ key, artifact }) => [key, artifact.sizeBytes ?? 0]));
  const failures = new Map<string, string>();
  for (const chunk of chunksOf(keys, keysMax)) {
    for (const { key, code } of await objects.deleteObjects(chunk)) failures.set(key, code);
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
