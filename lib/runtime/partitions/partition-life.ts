/** What a partition goes through while this process holds it. Pure. */
import type { OffsetTracker } from './offset-tracker';

export type PartitionLife =
  /** Its position is not known yet. `isDraining`: a rejoin came before. */
  | { readonly kind: 'loading'; readonly tracker: null; readonly isDraining: boolean }
  /** Its position cannot be used: nothing of it is read until an operator has decided. */
  | { readonly kind: 'halted'; readonly tracker: null; readonly by: Error }
  /** Records are taken in and handled. */
  | { readonly kind: 'open'; readonly tracker: OffsetTracker }
  /** Before a rejoin, or at a stop: nothing begins, and intake takes nothing. */
  | { readonly kind: 'draining'; readonly tracker: OffsetTracker }
  /** Nothing that still runs has any effect here: another member may already work on the same records. */
  | { readonly kind: 'lost'; readonly tracker: OffsetTracker | null };

export const loading: PartitionLife = { kind: 'loading', tracker: null, isDraining: false };

/** Its position is known. */
export function loaded(life: PartitionLife, tracker: OffsetTracker): PartitionLife {
  const isDraining = life.kind === 'loading' && life.isDraining;
  return { kind: isDraining ? 'draining' : 'open', tracker };
}

/** A rejoin or a stop is due. */
export function drained(life: PartitionLife): PartitionLife {
  if (life.kind === 'loading') return { ...life, isDraining: true };
  return life.kind === 'open' ? { kind: 'draining', tracker: life.tracker } : life;
}

/** It was kept at a rejoin. */
export function kept(life: PartitionLife): PartitionLife {
  if (life.kind === 'loading') return { ...life, isDraining: false };
  return life.kind === 'draining' ? { kind: 'open', tracker: life.tracker } : life;
}
