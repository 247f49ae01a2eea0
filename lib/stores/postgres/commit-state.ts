/** Which transactions a query can see, and the database's time: compared with a change event. */
import { readIdentity, type DatabaseIdentity } from './identity';
import type { PostgresPool, Statement } from './pool';

export interface CommitState {
  readonly database: DatabaseIdentity;
  /** `pg_current_snapshot()` as text: `xmin:xmax:xip,xip`. */
  readonly snapshot: string;
  /** Microseconds since the epoch, by the database's clock. */
  readonly nowUs: number;
}

const commitStateStatement: Statement = {
  name: 'read-commit-state',
  text: `
    SELECT pg_current_snapshot()::text AS "snapshot",
           (extract(epoch FROM now()) * 1000000)::bigint AS "nowUs"`,
};

/** The snapshot is no older than the time beside it. @throws PostgresError. */
export function readCommitState(pool: PostgresPool): Promise<CommitState> {
  return pool.withSession(async (session) => {
    const [state] = await session.query<Omit<CommitState, 'database'>>(commitStateStatement);
    if (state === undefined) throw new Error('PostgreSQL gave no snapshot.');
    return { ...state, database: await readIdentity(session) };
  });
}
