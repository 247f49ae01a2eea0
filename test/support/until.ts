/** Waits for a condition of the outside world, with a deadline and a sentence for when it is missed. */
import { setTimeout as wait } from 'node:timers/promises';

const pollMs = 100;

/**
 * Checks until the answer is true.
 * @param claim the awaited condition, as the end of the sentence "did not happen within … s: …".
 * @throws Error with the claim and the last thrown cause when the deadline passes.
 */
export async function until(
  claim: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 60_000,
): Promise<void> {
  const giveUpAtMs = Date.now() + deadlineMs;
  let cause: unknown;
  for (;;) {
    try {
      if (await condition()) return;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (Date.now() > giveUpAtMs) {
      throw new Error(`did not happen within ${deadlineMs / 1000} s: ${claim}`, { cause });
    }
    await wait(pollMs);
  }
}

/** @throws Error that names the first remaining ones, which becomes the cause when the deadline passes. */
export function none(what: string, left: readonly (number | string)[]): boolean {
  if (left.length === 0) return true;
  throw new Error(`${left.length} ${what} left, first ${left.slice(0, 5).join(', ')}`);
}
