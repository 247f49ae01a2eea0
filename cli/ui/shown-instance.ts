/** What the page says of one instance: its state, how bad that is, and why. Pure. */
import { writeDuration } from '../../lib/control/duration';
import type { InstanceReport } from '../../lib/control/status-report';
import type { Membership } from './membership';

/** Shown by a colour and a sign, from the best to the worst; `off` no longer counts. */
export const severities = ['off', 'good', 'wait', 'warn', 'bad'] as const;
export type Severity = (typeof severities)[number];

export interface ShownInstance {
  readonly instance: string;
  readonly severity: Severity;
  /** A word of `afterbuild status`, or `gone`: Kafka no longer counts it as a member of its group. */
  readonly state: string;
  /** Why it does not work; empty when there is no reason. */
  readonly causes: readonly string[];
  /** Times in milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly startedAtMs: number;
  readonly heardAtMs: number;
  /** Like `artifacts.expired 0-3, 7`; the names of topics without the namespace. */
  readonly holds: readonly string[];
  readonly recordsPerSecond: number;
  readonly bufferedRecords: number;
  readonly concurrency: number;
  readonly breakers: readonly string[];
  readonly flags: readonly string[];
}

const bySeverity: Readonly<Record<string, Severity>> = {
  ...{ working: 'good', idle: 'good', waiting: 'wait', joining: 'wait' },
  ...{ paused: 'warn', 'dry-run': 'warn', held: 'warn' },
};

/** A state that this version does not know needs a look. */
export const severityOf = (state: string): Severity => bySeverity[state] ?? 'bad';

/** Its status may be newer than what Kafka said of the group: then it has only just joined. */
const joiningMs = 4_000;
/** An instance that was not heard of for longer has been replaced or taken away. */
const forgottenAfterMs = 600_000;

/**
 * Kafka expels a member ten seconds after its last heartbeat; its own silence is noticed after 45 seconds only.
 *
 * @param group null where Kafka did not say it.
 */
function isGone(one: InstanceReport, group: Membership | null, nowMs: number): boolean {
  if (group === null || one.silentForMs !== null || one.state === 'joining') return false;
  // A member of an older version never says its name, one that has just come does not while the group shares out.
  const mayBeUnnamed = group.unnamed > 0 && (!group.isSharing || nowMs - one.atMs < 3 * joiningMs);
  return !group.instances.has(one.instance) && !mayBeUnnamed && nowMs - one.atMs > joiningMs;
}

const goneCause =
  'Kafka no longer counts it as a member of its group: it was killed, or it cannot reach Kafka. Its partitions go to the others.';

export interface InstanceContext {
  readonly group: Membership | null;
  readonly nowMs: number;
  /** In front of the names of topics. */
  readonly namespace: string;
}

export function shownInstance(one: InstanceReport, context: InstanceContext): ShownInstance {
  const { nowMs } = context;
  return {
    ...verdictOf(one, context),
    instance: one.instance,
    sinceMs: one.sinceMs,
    startedAtMs: one.startedAtMs,
    heardAtMs: one.atMs,
    holds: heldBy(one.instance, context),
    recordsPerSecond: one.recordsPerSecond,
    bufferedRecords: one.bufferedRecords,
    concurrency: one.concurrency,
    breakers: one.breakers.map(
      ({ dependency, state, sinceMs, cause }) =>
        `${dependency} ${state} for ${writeDuration(nowMs - sinceMs)}: ${cause}`,
    ),
    flags: one.flags,
  };
}

function verdictOf(
  one: InstanceReport,
  { group, nowMs }: InstanceContext,
): Pick<ShownInstance, 'state' | 'severity' | 'causes'> {
  const { silentForMs, state, cause } = one;
  if (silentForMs !== null) {
    const causes = [`It has said nothing for ${writeDuration(silentForMs)}.`];
    const severity = silentForMs > forgottenAfterMs ? 'off' : 'bad';
    return { state: 'silent', severity, causes };
  }
  if (isGone(one, group, nowMs)) return { state: 'gone', severity: 'bad', causes: [goneCause] };
  // A version without `causes` reports the first cause only.
  const causes = one.causes.length > 0 ? one.causes : cause === null ? [] : [cause];
  return { state, severity: severityOf(state), causes };
}

/** Every member reads this one in full, so nobody holds it. */
const readByAll = '.control/0';

function heldBy(instance: string, { group, namespace }: InstanceContext): string[] {
  const own = [...(group?.holders ?? [])].filter(
    ([place, holder]) => holder === instance && !place.endsWith(readByAll),
  );
  const topics = Map.groupBy(own, ([place]) => place.slice(0, place.lastIndexOf('/')));
  return [...topics]
    .map(([topic, places]) => {
      const name = topic.startsWith(namespace) ? topic.slice(namespace.length) : topic;
      // The long name of a retry topic says nothing that is not known here, but for its delay.
      return `${name.replace(/^.*[.](retry[.])/, '$1')} ${rangesOf(places.map(([place]) => Number(place.split('/').at(-1))))}`;
    })
    .sort();
}

/** `0-3, 7`. */
export function rangesOf(partitions: readonly number[]): string {
  const ranges: { from: number; to: number }[] = [];
  for (const partition of partitions.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.to === partition - 1) last.to = partition;
    else ranges.push({ from: partition, to: partition });
  }
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}
