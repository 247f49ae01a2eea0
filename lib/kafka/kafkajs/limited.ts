/** Waits for an answer within a time limit. */
import type { Clock } from '../../process/clock';
import { within } from '../../process/within';

export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}

/** @throws TimeLimitError when the work has not ended by then; it goes on, and its result is ignored. */
export async function limited<T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<T> {
  const late = Symbol('late');
  const first = await within<T | typeof late>(clock, limitMs, work, late);
  // After a freeze the limit passes before an answer is read that came long ago.
  const result = first === late ? await within<T | typeof late>(clock, 0, work, late) : first;
  if (result === late) throw new TimeLimitError(`There was no answer within ${limitMs} ms.`);
  return result;
}
