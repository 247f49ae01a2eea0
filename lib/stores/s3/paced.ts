/** Rate-limits DeleteObjects; retries only the keys answered with SlowDown. */
import type { Clock } from '../../process/clock';
import { isSlowDown, S3Error } from './errors';
import type { RequestPace } from './request-pace';

/** A write of one key gets its turn within so long, or is sent without one. */
const turnLimitMs = 10_000;
/** The rate may have changed meanwhile. */
const lookAgainMs = 500;

export interface FailedKey {
  readonly key: string;
  /** As S3 names it, for example AccessDenied or SlowDown. */
  readonly code: string;
}

interface PacedDelete {
  readonly pace: RequestPace;
  readonly clock: Clock;
  /** After so long the caller repeats the keys that still got SlowDown. */
  readonly limitMs: number;
  /** One request. @returns its failed keys. @throws S3Error when it failed as a whole. */
  readonly ask: (keys: readonly string[]) => Promise<readonly FailedKey[]>;
}

/** @returns the keys that were not deleted. @throws S3Error when a request failed for another reason than SlowDown. */
export async function deletePaced(
  keys: readonly string[],
  { pace, clock, limitMs, ask }: PacedDelete,
): Promise<readonly FailedKey[]> {
  const giveUpAtMs = clock.nowMs() + limitMs;
  const failed: FailedKey[] = [];
  let left = keys;
  for (;;) {
    if (!(await turn(left.length, pace, clock, giveUpAtMs)))
      return [...failed, ...left.map(slowDown)];
    const sentAtMs = clock.nowMs();
    const answer = await asked(left, ask);
    const putOff = answer.filter(({ code }) => isSlowDown(code));
    failed.push(...answer.filter(({ code }) => !isSlowDown(code)));
    const nowMs = clock.nowMs();
    pace.granted(left.length - putOff.length, nowMs);
    if (putOff.length === 0) return failed;
    pace.slowedDown(putOff.length, sentAtMs, nowMs);
    left = putOff.map(({ key }) => key);
  }
}

/** One request for one key, at the granted pace; the caller decides whether to repeat it. */
export async function askPaced<T>(
  pace: RequestPace,
  clock: Clock,
  ask: () => Promise<T>,
): Promise<T> {
  await turn(1, pace, clock, clock.nowMs() + turnLimitMs);
  const sentAtMs = clock.nowMs();
  try {
    const answer = await ask();
    pace.granted(1, clock.nowMs());
    return answer;
  } catch (error) {
    if (error instanceof S3Error && isSlowDown(error.code, error.httpStatus)) {
      pace.slowedDown(1, sentAtMs, clock.nowMs());
    }
    throw error;
  }
}

const slowDown = (key: string): FailedKey => ({ key, code: 'SlowDown' });

/** @returns false when its turn did not come in time. */
async function turn(
  keys: number,
  pace: RequestPace,
  clock: Clock,
  giveUpAtMs: number,
): Promise<boolean> {
  const place = pace.take(keys, clock.nowMs());
  for (;;) {
    const waitMs = pace.waitMs(place, clock.nowMs());
    if (waitMs === 0) return true;
    const leftMs = giveUpAtMs - clock.nowMs();
    if (leftMs <= 0) return false;
    await clock.sleep(Math.min(waitMs, leftMs, lookAgainMs));
  }
}

/** A SlowDown for the whole request counts for each of its keys. */
async function asked(
  keys: readonly string[],
  ask: PacedDelete['ask'],
): Promise<readonly FailedKey[]> {
  try {
    return await ask(keys);
  } catch (error) {
    if (!(error instanceof S3Error) || !isSlowDown(error.code, error.httpStatus)) throw error;
    return keys.map(slowDown);
  }
}
