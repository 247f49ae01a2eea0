/** Which watermarks of `afterbuild.progress` count. */
import { refuseWriting } from '../../lib/brake/believable';
import { quoted } from '../../lib/process/printable';
import { type Instant, minusInfinity } from '../../lib/stores/postgres/instant';
import type { SweepProgress } from '../../schemas/generated';
import { aheadMaxUs, progressKey, stateOf, type SweepKind } from './progress';

const sweeps: readonly string[] = ['due', 'full'] satisfies SweepKind[];
const instantShape = /^(?:-?\d{1,19}|-?infinity)$/;
const int8Max = 2n ** 63n - 1n;
/** 4713 BC, the first day of PostgreSQL's timestamps, in microseconds. */
const firstInstant = -210_866_803_200_000_000n;

/** A record of the topic. */
export interface PlacedProgress {
  readonly key: string | null;
  /** Whether it lies in the partition of its shard. */
  readonly isInPlace: boolean;
  readonly progress: SweepProgress;
}

/** @returns why a watermark is passed over, or undefined. */
export function refuseProgress(
  { key, isInPlace, progress }: PlacedProgress,
  nowMs: number,
): string | undefined {
  const { sweep, shard, epoch, atMs } = progress;
  if (!sweeps.includes(sweep)) return 'it is of no sweep';
  // Under another key, or elsewhere, no later watermark of ours would ever take its place.
  if (key !== progressKey(sweep as SweepKind, shard)) {
    return `it lies under the key ${key === null ? 'none' : quoted(key)}, not under that of its shard`;
  }
  if (!isInPlace) return 'it lies in another partition than its shard';
  const refusal = refuseWriting({ atMs, origin: progress, passes: epoch }, nowMs);
  return refusal ?? (isCursor(progress) ? undefined : 'its cursor is none');
}

/** One that PostgreSQL takes, and whose group of one moment, if it stands in one, is due by the time of its writing. */
function isCursor(progress: SweepProgress): boolean {
  if (!isReadable(progress)) return false;
  const { expireAt, tie } = stateOf(progress).cursor;
  if (expireAt !== null && !isTaken(expireAt)) return false;
  if (tie === null) return true;
  const lastUs = BigInt(progress.atMs) * 1_000n + aheadMaxUs;
  const jobId = tie.jobId ?? 0n;
  const isInt8 = jobId <= int8Max && jobId >= -int8Max - 1n;
  return isInt8 && isTaken(tie.expireAt) && tie.expireAt <= lastUs;
}

const isTaken = (at: Instant): boolean => at === minusInfinity || at >= firstInstant;

function isReadable({ expireAt, tieExpireAt, tieJob }: SweepProgress): boolean {
  const texts = [expireAt, tieExpireAt].every((text) => text === null || instantShape.test(text));
  return texts && (tieJob === null || /^-?\d{1,19}$/.test(tieJob));
}
