/** A runtime in memory whose records fail in every way that a policy distinguishes. */
import type { ConsumerSettings } from '../../../lib/runtime/settings';
import type { FailurePolicy, FailureClass } from '../../../lib/runtime/failure-policy';
import { UndecodableRecordError } from '../../../lib/runtime/poison';
import { createFixture, type Fixture, type Handle } from './runtime-fixture';

export class Away extends Error {}
export class Bug extends Error {}
export class NotYet extends Error {}
/** A wait without a limit. */
export class Capped extends Error {}
/** How long a NotYet is waited for. */
export const patienceMs = 50;

const classify = (error: Error): FailureClass => {
  if (error instanceof Away) return { kind: 'hold', dependency: 's3' };
  if (error instanceof Bug) return { kind: 'bug' };
  if (error instanceof Capped) return { kind: 'wait' };
  if (error instanceof NotYet) return { kind: 'wait', patienceMs };
  if (error instanceof UndecodableRecordError && error.poison !== null) {
    return { kind: 'poison', reason: error.poison };
  }
  return { kind: 'transient' };
};
export const failures: FailurePolicy = {
  needs: ['s3'],
  classify,
  retryTopics: [
    { topic: 'things.group.retry.30s', delayMs: 30_000 },
    { topic: 'things.group.retry.2m', delayMs: 120_000 },
  ],
  deadLetters: 'things.group.dlq',
  encode: (rest) => Promise.resolve(Buffer.from(JSON.stringify(rest))),
  count: (rest) => (rest as unknown[]).length,
};

export async function started(
  handle: Handle,
  over = {},
  settings: Partial<ConsumerSettings> = {},
): Promise<Fixture> {
  const fixture = createFixture(handle, { failures, ...over }, settings);
  await fixture.runtime.start();
  return fixture;
}
