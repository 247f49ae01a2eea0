/** The dependencies of the guard. */
import { type Step, steps } from '../../../lib/process/steps';
import type { Dependencies } from '../dependencies';
import type { LoggedNotes } from '../logged-notes';
import type { ChunkLeases, ChunkMoves, GuardCounts } from './ports';

/** A crash between two of these steps must lose nothing; tests stop the work at each. */
export type GuardStep = Extract<Step, `guard.${string}`>;
export const guardSteps = steps.filter((step): step is GuardStep => step.startsWith('guard.'));

/** Besides those that are known only once the consumer runs. */
export interface GuardStores extends Pick<
  Dependencies,
  'rows' | 'leases' | 'leaseMs' | 'budget' | 'brake' | 'clock' | 'logger'
> {
  readonly chunks: Pick<Dependencies['chunks'], 'sharedState' | 'traceChunks'>;
  readonly chunkLeases: ChunkLeases;
  readonly moves: ChunkMoves;
  readonly counts: GuardCounts;
  /** What was said of chunks that are left: each pass finds them again. */
  readonly logged: LoggedNotes;
  readonly reach: (step: GuardStep) => void;
}

export interface GuardDependencies extends GuardStores {
  /** Whether an effect may begin: membership is proved. */
  readonly mayBegin: () => boolean;
}
