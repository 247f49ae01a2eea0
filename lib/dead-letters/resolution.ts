/**
 * The marker that settles dead letters: a record without a value in the same partition.
 *
 * Its text headers list the offsets that an operator has redriven or parked, so that they are not offered again
 * (docs/adr/0011 says why it lies here and not in a group's offset). Retention removes it after the letters that it settles,
 * never before; a topic that is created anew has neither.
 */
import { settlementHeaders, failureHeaders } from '../runtime/failure-headers';
import { headerText, type Headers } from '../kafka/header-text';

export interface Resolution {
  readonly kind: 'redriven' | 'parked';
  /** Of the same partition, ascending. */
  readonly offsets: readonly number[];
  readonly by: string;
  readonly atMs: number;
  /** Empty when no operator was named. */
  readonly why: string;
  /** null for what was parked. */
  readonly redriveId: string | null;
}

export function writeResolution(settlement: Resolution): Record<string, string> {
  const { kind, offsets, by, atMs, why, redriveId } = settlement;
  return {
    [settlementHeaders.settled]: kind,
    [settlementHeaders.offsets]: formatOffsets(offsets),
    [settlementHeaders.by]: by,
    [settlementHeaders.at]: new Date(atMs).toISOString(),
    ...(why === '' ? {} : { [settlementHeaders.why]: why }),
    ...(redriveId === null ? {} : { [failureHeaders.redriveId]: redriveId }),
  };
}

/** A marker of ours, even if something else is wrong with it: no dead letter. */
export const isResolution = (headers: Headers): boolean =>
  headerText(headers, settlementHeaders.settled) !== null;

/** Who decided, when and why, as far as the marker names it. */
export interface OperatorDecision {
  readonly by: string;
  /** null when the marker does not give it. */
  readonly atMs: number | null;
  readonly why: string;
}

export interface ReadResolution {
  readonly kind: Resolution['kind'];
  readonly offsets: readonly number[];
  readonly decision: OperatorDecision;
}

/** @returns null for a marker that cannot be read: its letters are offered again. */
export function readResolution(headers: Headers): ReadResolution | null {
  const kind = headerText(headers, settlementHeaders.settled);
  const offsets = parseOffsets(headerText(headers, settlementHeaders.offsets) ?? '');
  if (offsets === null || (kind !== 'redriven' && kind !== 'parked')) return null;
  const atMs = Date.parse(headerText(headers, settlementHeaders.at) ?? '');
  const decision = {
    by: headerText(headers, settlementHeaders.by) ?? 'nobody',
    atMs: Number.isFinite(atMs) ? atMs : null,
    why: headerText(headers, settlementHeaders.why) ?? '',
  };
  return { kind, offsets, decision };
}

/** Like `3,5-9`: operators read it in a Kafka user interface. */
export function formatOffsets(offsets: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const offset of offsets) {
    const last = ranges.at(-1);
    if (last?.[1] === offset - 1) last[1] = offset;
    else ranges.push([offset, offset]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

/** We never write more offsets, in one range or in many; they would only fill the memory. */
const offsetsMax = 100_000;

function parseOffsets(text: string): number[] | null {
  if (!/^\d{1,15}(-\d{1,15})?(,\d{1,15}(-\d{1,15})?)*$/.test(text)) return null;
  const offsets: number[] = [];
  for (const item of text.split(',')) {
    const [from = 0, to = from] = item.split('-').map(Number);
    if (to < from || to - from >= offsetsMax - offsets.length) return null;
    for (let offset = from; offset <= to; offset += 1) offsets.push(offset);
  }
  return offsets;
}
