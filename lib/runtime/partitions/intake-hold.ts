/**
 * Why a partition that could be read is not fetched. Pure.
 *
 * A lane that stands still must not stop the intake for the other lanes. Intake ends only when the buffers or the
 * window of the commit map are full, or when no lane could begin anything.
 */
import type { IntakeHold } from '../consumer';
import type { FailureSpell } from '../lanes/failure-spell';
import type { Lane } from '../lanes/lane';

interface Room {
  readonly bufferedRecords: number;
  readonly bufferedBytes: number;
  /** How far intake is ahead of the oldest unfinished record. */
  readonly ahead: number;
}

interface RoomLimits {
  readonly partitionBufferRecords: number;
  readonly partitionBufferBytes: number;
  readonly windowRecords: number;
}

/** @param share of the limits: a full partition is fetched again only at half. */
export function roomHold(room: Room, limits: RoomLimits, share: number): IntakeHold | null {
  if (room.bufferedRecords >= limits.partitionBufferRecords * share) return 'full';
  if (room.bufferedBytes >= limits.partitionBufferBytes * share) return 'full';
  return room.ahead >= limits.windowRecords * share ? 'window' : null;
}

interface Standing {
  readonly activity: Pick<Lane['activity'], 'kind'>;
  readonly failing: Pick<FailureSpell, 'failures' | 'onSharedNeed'> | null;
}

/** A first failure often passes at the second try, and a pause costs up to `fetchWaitMs`. */
export function laneHold(lanes: readonly Standing[]): IntakeHold | null {
  if (lanes.some(({ activity }) => activity.kind === 'not-due')) return 'not-due';
  return lanes.every(stands) ? 'lanes' : null;
}

/** A lane that failed on what all need goes on, to find out whether it is unavailable for the others as well. */
const stands = ({ activity, failing }: Standing): boolean =>
  activity.kind === 'halted' || (failing !== null && failing.failures > 1 && !failing.onSharedNeed);
