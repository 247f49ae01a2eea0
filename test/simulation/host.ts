/**
 * The host of a process: its clock, and whether it is up, frozen (SIGSTOP) or dead (SIGKILL).
 *
 * Everything that can wake a process (timers, answers) comes through its host. While it is frozen they wait, and come
 * all at once when it goes on; when it is dead they never come. Requests that were sent before travel on without it.
 */
import type { Clock } from '../../lib/process/clock';
import { Power } from './power';
import type { VirtualTime } from './virtual-time';

/** The start of virtual time: any date would do, but 0 would hide a forgotten addition. */
const epochMs = 1_700_000_000_000;

export class Host extends Power implements Clock {
  /** No request reaches the broker, and no answer comes back. */
  isCutOff = false;

  /** @param skewMs how wrong the wall clock is. */
  constructor(
    readonly name: string,
    readonly time: VirtualTime,
    readonly skewMs: number,
  ) {
    super();
  }

  thaw(): void {
    if (this.state !== 'frozen') return;
    for (const act of this.wake()) this.after(0, act);
  }

  /** Wakes the process after a time. @returns a function that cancels it. */
  after(delayMs: number, act: () => void): () => void {
    let cancelled = false;
    const wake = (): void => {
      if (cancelled) return;
      if (this.isUp) act();
      else this.whenUp(wake);
    };
    const cancel = this.time.after(delayMs, wake);
    return () => {
      cancelled = true;
      cancel();
    };
  }

  nowMs(): number {
    return Math.floor(epochMs + this.skewMs + this.time.nowMs);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (): void => {
        cancel();
        reject(signal?.reason as Error);
      };
      const cancel = this.after(ms, () => {
        signal?.removeEventListener('abort', fail);
        resolve();
      });
      if (signal?.aborted) fail();
      else signal?.addEventListener('abort', fail, { once: true });
    });
  }

  every(ms: number, tick: () => void): () => void {
    let cancel = (): void => undefined;
    const plan = (): void => {
      cancel = this.after(ms, () => {
        plan();
        tick();
      });
    };
    plan();
    return () => cancel();
  }
}
