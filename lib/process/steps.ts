/**
 * The numbered steps of every effect, and the fail points between them.
 *
 * A crash between any two steps must leave nothing lost and nothing orphaned. This list is the only one: the code
 * announces each step as it reaches it, and a scenario kills the process at every one of them (a step without a kill
 * fails that scenario). In production `reach` does nothing.
 */
import { ConfigError } from './config';

export const steps = [
  // producers/expired-artifacts, time sweep
  'sweep.page-read',
  'sweep.records-produced',
  'sweep.watermark-produced',
  // producers/expired-artifacts, change path
  'change.decided',
  'change.records-produced',
  // producers/finished-builds, changes
  'finished.decided',
  'finished.records-produced',
  // producers/finished-builds, stale sweep
  'stale.page-read',
  'stale.records-produced',
  'stale.cursor-produced',
  // consumers/artifact-deleter
  'deleter.records-taken',
  'deleter.rows-deleted',
  'deleter.missing-looked-up',
  'deleter.objects-deleted',
  // consumers/trace-archiver
  'archiver.records-taken',
  'archiver.leases-taken',
  'archiver.traces-stored',
  'archiver.rows-committed',
  'archiver.chunk-data-removed',
  'archiver.chunk-rows-removed',
  // consumers/trace-archiver/redis-guard
  'guard.leases-taken',
  'guard.rows-written',
  'guard.rows-committed',
  'guard.keys-removed',
] as const;

export type Step = (typeof steps)[number];

/** Announces that a step has been reached. */
export type ReachStep = (step: Step) => void;

/** The value of `AFTERBUILD_FAIL_POINT`: `<step>=kill` or `<step>=stop`, with `@n` for the n-th time. */
interface FailPoint {
  readonly step: Step;
  readonly action: 'kill' | 'stop';
  /** 1 = the first time the step is reached. */
  readonly time: number;
}

/** @throws ConfigError that names the known steps when the text is not a fail point. */
export function parseFailPoint(text: string): FailPoint {
  const match = /^([a-z.-]+)=(kill|stop)(?:@([1-9][0-9]*))?$/.exec(text);
  const step = steps.find((known) => known === match?.[1]);
  if (!match || !step) {
    throw new ConfigError(
      `AFTERBUILD_FAIL_POINT must be <step>=kill or <step>=stop, optionally @n; steps: ${steps.join(', ')}`,
    );
  }
  return { step, action: match[2] as FailPoint['action'], time: Number(match[3] ?? 1) };
}

/** @param signalSelf sends a signal to this process: SIGKILL ends it, SIGSTOP freezes it until SIGCONT. */
export function createReachStep(
  failPoint: FailPoint | undefined,
  signalSelf: (signal: 'SIGKILL' | 'SIGSTOP') => void,
): ReachStep {
  if (!failPoint) return () => undefined;
  let reached = 0;
  return (step) => {
    if (step !== failPoint.step) return;
    reached += 1;
    if (reached === failPoint.time) signalSelf(failPoint.action === 'kill' ? 'SIGKILL' : 'SIGSTOP');
  };
}
