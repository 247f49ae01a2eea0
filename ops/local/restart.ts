/** When a process that ended by itself is started again, as any supervisor would, and when that is given up. */
import { exitCodes } from '../../lib/process/exit-codes';

/** Ends in a row that no start again has mended. */
const endsMax = 5;
const pauseMs = { first: 1_000, most: 15_000 } as const;
/** Who has worked for so long has got over what ended it before. */
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
 * A setting that is refused is refused again; a server that does not answer is waited for as long as it takes.
 * @returns milliseconds until it is started again; null when that would not help.
 */
export function restartAfterMs(end: End): number | null {
  const { code } = end;
  if (code === exitCodes.usage || code === exitCodes.configuration) return null;
  const ends = endsInARow(end);
  if (ends >= endsMax && code !== exitCodes.unreachable) return null;
  return Math.min(pauseMs.first * 2 ** (ends - 1), pauseMs.most);
}
