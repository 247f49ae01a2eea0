/** A lane's failures in a row, from the first to the success that ends them. Pure. */
import type { Dependency } from '../dependency';

export interface FailureSpell {
  /** Micro-batches in a row that left something to try again. */
  failures: number;
  readonly sinceMs: number;
  /** Failed on what every record needs, so a retry may probe it: no reason to pause intake (intake-hold.ts). */
  onSharedNeed: boolean;
  /** Why it needs an operator, although it still tries again. */
  stuckBy: Error | null;
  /** Why it fails, as far as that was logged. */
  readonly loggedReasons: Set<string>;
  /** The dependencies that it found unavailable, beyond those that every record needs. */
  readonly missed: Set<Dependency>;
}

export const newSpell = (sinceMs: number): FailureSpell => ({
  ...{ failures: 0, sinceMs, onSharedNeed: false, stuckBy: null },
  loggedReasons: new Set(),
  missed: new Set(),
});
