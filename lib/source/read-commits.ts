/** Reads which transactions are visible in the database, and that it is the database whose changes wait for that. */
import type { DatabaseGuard, Sighting } from '../brake/database-guard';
import type { CommitState } from '../stores/postgres/commit-state';

interface WaitingChange {
  readonly change: { readonly lsn: number };
  readonly record: { readonly timestampMs: number };
}

interface CommitReading {
  readonly database: { readCommitState(): Promise<CommitState> };
  readonly guard: Pick<DatabaseGuard, 'latest' | 'noteSighting' | 'require' | 'timestampMs'>;
}

export interface Commits extends CommitState {
  readonly readFrom: Sighting;
}

/** One query, for one change or more. @throws DatabaseHoldError; errors of PostgreSQL. */
export async function readCommits(
  { database, guard }: CommitReading,
  waiting: readonly WaitingChange[],
): Promise<Commits> {
  const { latest } = guard;
  const state = await database.readCommitState();
  guard.require(state.database, latest);
  const newest = waiting.reduce((a, b) => (b.change.lsn > a.change.lsn ? b : a));
  // A change committed beyond the database's own end was committed in another history.
  const origin = { ...state.database, lsn: newest.change.lsn };
  guard.require(state.database, { origin, timestampMs: newest.record.timestampMs });
  const readFrom = { origin: state.database, timestampMs: guard.timestampMs() };
  guard.noteSighting(readFrom);
  return { ...state, readFrom };
}
