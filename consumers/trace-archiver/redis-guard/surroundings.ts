/** What the guard works with. */
import type { Surroundings } from '../surroundings';
import type { ChunkLeases, ChunkMoves, GuardCounts } from './ports';

/** Besides what is known only when the consumer runs. */
export interface GuardStores extends Pick<
  Surroundings,
  'rows' | 'leases' | 'leaseMs' | 'budget' | 'brake' | 'clock' | 'logger' | 'reach'
> {
  readonly chunks: Pick<Surroundings['chunks'], 'sharedState' | 'traceChunks'>;
  readonly chunkLeases: ChunkLeases;
  readonly moves: ChunkMoves;
  readonly counts: GuardCounts;
}

export interface GuardSurroundings extends GuardStores {
  /** Whether an effect may begin: membership is proved. */
  readonly mayBegin: () => boolean;
}
