/** Waits for an answer, but not for ever. */
import type { Clock } from '../../process/clock';
import { within } from '../../process/within';

export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}

/** @throws TimeLimitError when the work has not ended by then; it goes on, and nobody looks at it. */
export async function limited<T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<T> {
  const late = Symbol('late');
  const first = await within<T | typeof late>(clock, limitMs, work, late);
  // After a freeze the limit is over before the answer is read that has come long ago.
  const result = first === late ? await within<T | typeof late>(clock, 0, work, late) : first;
  if (result === late) throw new TimeLimitError(`There was no answer within ${limitMs} ms.`);
  return result;
}
