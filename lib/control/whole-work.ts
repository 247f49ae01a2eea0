/**
 * How much work is left in all, in artifacts or builds, and when it will be done: from the reports of producers and
 * consumers. Pure.
 */
import type { InstanceStatus } from '../../schemas/generated';

export interface WholeWork {
  /** `artifacts` or `builds`. */
  readonly unit: string;
  /** Of a producer: due in the database, not produced yet; null until every live instance has reported it. */
  readonly inDatabase: number | null;
  readonly isEstimate: boolean;
  /** How long the oldest of them has been due. */
  readonly dueForMs: number | null;
  readonly inFlight: number;
  /** The consumer that has enough to do. */
  readonly waitsFor: string | null;
  /** Of a consumer: finished a second. */
  readonly perSecond: number;
  /** Of a consumer: since its live instances were started; null where none reports it. */
  readonly bytesFreed: number | null;
}

/** @returns null where no live instance reports anything. */
export function wholeOf(live: readonly InstanceStatus[], nowMs: number): WholeWork | null {
  const parts = live.flatMap(({ work }) => work ?? []);
  const [first] = parts;
  if (first === undefined) return null;
  const sum = (of: (part: (typeof parts)[number]) => number): number =>
    parts.reduce((total, part) => total + of(part), 0);
  const isKnown = parts.length === live.length && parts.every((part) => part.inDatabase !== null);
  const times = parts.flatMap(({ dueSinceMs }) => dueSinceMs ?? []);
  return {
    unit: first.unit,
    inDatabase: isKnown ? sum(({ inDatabase }) => inDatabase ?? 0) : null,
    isEstimate: parts.some(({ isEstimate }) => isEstimate),
    dueForMs: times.length === 0 ? null : Math.max(0, nowMs - Math.min(...times)),
    inFlight: sum(({ inFlight }) => inFlight),
    waitsFor: parts.find(({ waitsFor }) => waitsFor !== null)?.waitsFor ?? null,
    bytesFreed: parts.every((part) => part.bytesFreed === null)
      ? null
      : sum((part) => part.bytesFreed ?? 0),
    perSecond: Math.round(sum(({ perSecond }) => perSecond) * 10) / 10,
  };
}

/**
 * When all of it is done, from the database to the last effect, at the consumer's pace of the last minute.
 * @returns milliseconds; null while that cannot be known.
 */
export function wholeEtaOf(
  whole: WholeWork | null,
  consumer: { readonly isMoving: boolean; readonly work: WholeWork | null } | undefined,
): number | null {
  if (whole === null || whole.inDatabase === null) return null;
  const items = whole.inDatabase + whole.inFlight;
  if (items === 0) return 0;
  const perSecond = consumer?.isMoving === true ? (consumer.work?.perSecond ?? 0) : 0;
  return perSecond > 0 ? Math.round((1_000 * items) / perSecond) : null;
}

export const itemsText = (count: number): string => count.toLocaleString('en-US');
