/** How long a lane waits before it tries again what has failed. */
import type { Lane } from './lane';
import { WaitError } from '../record-errors';
import { retryDelayMs } from '../../process/backoff';
import type { BatchResult } from './batch-result';
import type { LaneContext } from './lane-context';

/** A dependency's breaker sets the pace; the lane's own pause only bridges the time until it opens. */
const heldFailuresMax = 3;

export function lanePauseMs(
  { failures }: Lane,
  { isHeld, retry }: BatchResult,
  { settings, random }: LaneContext,
): number {
  const times = isHeld ? Math.min(failures, heldFailuresMax) : failures;
  const delayMs = retryDelayMs(times, settings, random);
  return retry instanceof WaitError ? Math.min(delayMs, retry.withinMs) : delayMs;
}
