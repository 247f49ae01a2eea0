/** At the start: waits for a server that does not answer, logs that once, and gives up at a limit. */
import { exitCodeOf } from './exit-code-of';
import { exitCodes } from '../process/exit-codes';
import type { Clock } from '../process/clock';
import type { Logger } from '../process/logger';
import { UnreachableError } from '../process/unreachable-error';
import { isUntrusted, untrusted } from '../process/untrusted';

export interface Waiting {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds from the first attempt on. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

const againMs = 1_000;

/**
 * Runs `work` until the required server answers. Any failure but silence (a wrong password, a missing bucket) is thrown
 * at once: waiting does not repair it.
 *
 * @param server for operators, with its address.
 * @throws UnreachableError at the limit; the signal's reason when it aborts between two attempts.
 */
export async function untilReachable<T>(
  server: string,
  work: () => Promise<T>,
  { clock, logger, limitMs, signal }: Waiting,
): Promise<T> {
  const beganAtMs = clock.nowMs();
  for (let failures = 0; ; failures += 1) {
    try {
      const result = await work();
      if (failures > 0) logger.info({ event: 'server.reached', server }, 'the server answers');
      return result;
    } catch (error) {
      if (isUntrusted(error)) throw untrusted(server, error);
      if (exitCodeOf(error) !== exitCodes.unreachable) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      if (clock.nowMs() - beganAtMs + againMs > limitMs) {
        throw new UnreachableError(
          `${server} does not answer within ${limitMs} ms (START_LIMIT_MS): ${reason}`,
          { cause: error },
        );
      }
      if (failures === 0) {
        const fields = { event: 'server.awaited', server, reason, limitMs };
        logger.warn(fields, 'the server does not answer, trying until it does');
      }
      await clock.sleep(againMs, signal);
    }
  }
}
