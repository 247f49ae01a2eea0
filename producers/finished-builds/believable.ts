/** Which cursors of `afterbuild.stale-progress` count. */
import { refuseWriting } from '../../lib/brake/believable';
import { quoted } from '../../lib/process/printable';
import type { StaleProgress } from '../../schemas/generated';
import { progressKey } from './progress';

/** @returns why a cursor is passed over, or undefined. */
export function refuseProgress(
  { key, partition }: { readonly key: string | null; readonly partition: number },
  { slice, pass, partitionId, buildId, begunAtMs, atMs, origin }: StaleProgress,
  nowMs: number,
): string | undefined {
  // Under another key, or elsewhere, no later cursor of ours would ever take its place.
  if (key !== progressKey(slice)) {
    return `it lies under the key ${key === null ? 'none' : quoted(key)}, not under that of its slice`;
  }
  if (partition !== slice) return 'it lies in another partition than its slice';
  if (partitionId < 0 || buildId < 0) return 'its cursor is none';
  // A pass that has begun in the future would keep the next one waiting until then.
  if (begunAtMs > atMs) return 'its pass begins after it was written';
  return refuseWriting({ atMs, origin, passes: pass }, nowMs);
}
