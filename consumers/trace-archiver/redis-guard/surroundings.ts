/** The dependencies of the guard. */
import type { Dependencies } from '../dependencies';
import type { ChunkLeases, ChunkMoves, GuardCounts } from './ports';

/** A crash between two of these steps must lose nothing; tests stop the work at each. */
export const guardSteps = [
  'guard.leases-taken',
  'guard.rows-committed',
  'guard.keys-removed',
] as const;
export type GuardStep = (typeof guardSteps)[number];

/** Besides those that are known only once the consumer runs. */
export interface GuardStores extends Pick<
  Dependencies,
  'rows' | 'leases' | 'leaseMs' | 'budget' | 'brake' | 'clock' | 'logger'
> {
  readonly chunks: Pick<Dependencies['chunks'], 'sharedState' | 'traceChunks'>;
  readonly chunkLeases: ChunkLeases;
  readonly moves: ChunkMoves;
  readonly counts: GuardCounts;
  readonly reach: (step: GuardStep) => void;
}

export interface GuardSurroundings extends GuardStores {
  /** Whether an effect may begin: membership is proved. */
  readonly mayBegin: () => boolean;
}
