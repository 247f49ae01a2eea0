/**
 * Why a partition that could be read is not fetched. Pure.
 *
 * One lane that stands keeps nobody from taking in what the others can work on: only room ends that, which is
 * bounded by the buffers and by the window of the commit map. Intake waits when no lane could begin anything.
 */
import type { IntakeHold } from '../consumer';
import type { Lane } from '../lanes/lane';

export interface Room {
  readonly bufferedRecords: number;
  readonly bufferedBytes: number;
  /** How far intake is ahead of the oldest unfinished record. */
  readonly ahead: number;
}

export interface RoomLimits {
  readonly partitionBufferRecords: number;
  readonly partitionBufferBytes: number;
  readonly windowRecords: number;
}

/** @param share of the limits: what is full is fetched again only at half. */
export function roomHold(room: Room, limits: RoomLimits, share: number): IntakeHold | null {
  if (room.bufferedRecords >= limits.partitionBufferRecords * share) return 'full';
  if (room.bufferedBytes >= limits.partitionBufferBytes * share) return 'full';
  return room.ahead >= limits.windowRecords * share ? 'window' : null;
}

type Standing = Pick<Lane, 'failures' | 'isAlone' | 'haltedBy' | 'waking'>;

/** A first failure is often gone at the second try, and a pause costs up to `fetchWaitMs`. */
export function laneHold(lanes: readonly Standing[]): IntakeHold | null {
  if (lanes.some(({ waking }) => waking)) return 'not-due';
  return lanes.every(stands) ? 'lanes' : null;
}

/** Whose dependency is away for it alone goes on, to see whether it is away for the others as well. */
const stands = ({ failures, isAlone, haltedBy }: Standing): boolean =>
  haltedBy !== null || (failures > 1 && !isAlone);
