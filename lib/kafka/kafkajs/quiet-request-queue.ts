/**
 * Stops kafkajs 2.2.4 from re-arming a timer for ever although no request waits.
 *
 * After every answer its request queue schedules a check of pending requests, pending or not, with a delay that is
 * negative unless the broker throttles: thousands of timers a second in an idle process (3 to 4 % of a core), and a
 * warning of Node 24 at each start. The code that adds a pending request schedules the check itself, so with none
 * pending there is nothing to schedule.
 */
import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

let isQuiet = false;

/** Idempotent. @throws Error when the kafkajs that is installed is built differently. */
export function quietRequestQueue(): void {
  if (isQuiet) return;
  const { prototype } = createRequire(__filename)('kafkajs/src/network/requestQueue') as {
    prototype: RequestQueue;
  };
  const schedule: unknown = Reflect.get(prototype, 'scheduleCheckPendingRequests');
  if (typeof schedule !== 'function') {
    throw new Error(
      'kafkajs has no scheduleCheckPendingRequests: look whether it still idles hot.',
    );
  }
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) Reflect.apply(schedule, this, []);
  };
  isQuiet = true;
}
