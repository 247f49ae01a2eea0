/** Detects whether changes were lost between the connector's stored position and its replication slot. */
import type { ReplicationSlot } from '../stores/postgres/replication-slot';

/**
 * - `slot-missing`: the connector has a stored position, but there is no slot.
 * - `slot-invalid`: the slot is there, but the server can no longer stream from it.
 * - `slot-advanced`: the slot has passed the stored position; what lies between is never sent.
 */
export interface SlotGap {
  readonly kind: 'slot-missing' | 'slot-invalid' | 'slot-advanced';
  /** Last position that the connector has stored; null when it has none. */
  readonly storedLsn: number | null;
  /** Position of the slot; null when there is none to stream from. */
  readonly slotLsn: number | null;
  /**
   * Debezium goes on by itself (and does not report what is missing); otherwise its task fails until the connector
   * begins anew.
   */
  readonly streamsOn: boolean;
}

/**
 * Debezium does not notice all of this itself: it silently streams on from a slot that was merely advanced past the
 * stored position, so both numbers are compared here (connect/README.md).
 *
 * To be safe against a running connector, read the slot first and the stored position after it: the connector stores a
 * position before it confirms it to the slot.
 *
 * @param storedLsn the `lsn` of the connector's stored offset; null when it has none yet.
 */
export function slotGap(storedLsn: number | null, slot: ReplicationSlot | null): SlotGap | null {
  if (slot === null) {
    if (storedLsn === null) return null;
    return { kind: 'slot-missing', storedLsn, slotLsn: null, streamsOn: false };
  }
  if (slot.walStatus === 'lost' || slot.confirmedFlushLsn === null) {
    return { kind: 'slot-invalid', storedLsn, slotLsn: slot.confirmedFlushLsn, streamsOn: false };
  }
  if (storedLsn === null || slot.confirmedFlushLsn <= storedLsn) return null;
  const streamsOn = slot.restartLsn !== null && slot.restartLsn <= storedLsn;
  return { kind: 'slot-advanced', storedLsn, slotLsn: slot.confirmedFlushLsn, streamsOn };
}

/** PostgreSQL's notation of a position: `16/B374D848`. */
export function formatLsn(lsn: number): string {
  const [high, low] = [Math.floor(lsn / 2 ** 32), lsn % 2 ** 32];
  return `${high.toString(16)}/${low.toString(16)}`.toUpperCase();
}

/** One sentence for operators: what is missing, without the remedy. */
export function describeGap(gap: SlotGap): string {
  const stored = gap.storedLsn === null ? 'nothing' : formatLsn(gap.storedLsn);
  switch (gap.kind) {
    case 'slot-missing':
      return `The connector stopped at ${stored}, but its replication slot is gone: changes since then were not kept.`;
    case 'slot-invalid':
      return `PostgreSQL has invalidated the replication slot: changes since ${stored} were not kept.`;
    case 'slot-advanced':
      return `The replication slot stands at ${formatLsn(gap.slotLsn ?? 0)}, past the connector's ${stored}: the changes between are lost to it.`;
  }
}
