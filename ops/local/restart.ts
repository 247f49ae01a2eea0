/** Decides when a process that ended by itself is restarted, as any supervisor would, and when that is given up. */
import { exitCodes } from '../../lib/process/exit-codes';

/** So many ends in a row without a successful restart. */
const endsMax = 5;
const pauseMs = { first: 1_000, most: 15_000 } as const;
/** A process that has worked for so long has overcome the earlier failure. */
const recoveredMs = 60_000;

export interface End {
  /** Null: by a signal. */
  readonly code: number | null;
  /** How long it had run. */
  readonly ranMs: number;
  /** Ends in a row before this one. */
  readonly endsBefore: number;
}

/** @returns ends in a row, this one included. */
export const endsInARow = ({ ranMs, endsBefore }: End): number =>
  ranMs >= recoveredMs ? 1 : endsBefore + 1;

/**
 * A refused setting is refused again, so there is no restart; an unavailable server is waited for without a limit.
 * @returns milliseconds until the restart; null when that would not help.
 */
export function restartAfterMs(end: End): number | null {
  const { code } = end;
  if (code === exitCodes.usage || code === exitCodes.configuration) return null;
  const ends = endsInARow(end);
  if (ends >= endsMax && code !== exitCodes.unreachable) return null;
  return Math.min(pauseMs.first * 2 ** (ends - 1), pauseMs.most);
}
