/** Decides whether the trace of a changed build is to be archived. Pure; the event alone decides. */
import { buildType, finishedStatuses } from '../../lib/gitlab/enums';
import type { OddRow } from '../../lib/metrics/set-aside';
import type { Whole } from '../../lib/stores/postgres/whole';
import type { FinishedBuild } from './ports';

/** The deciding columns, and the time of the commit. */
interface ChangeState {
  /** Null and any type but `Ci::Build` share the table and have no trace. */
  readonly type: string | null;
  readonly status: string | null;
  /** At most `committedAtMs`. */
  readonly finishedAtMs: number;
  readonly isErased: boolean;
  /** Position of the change in the write-ahead log, in bytes. */
  readonly lsn: number;
  /** Commit time by the database's clock. */
  readonly committedAtMs: number;
  /** 32 bits, without the epoch. */
  readonly transactionId: number;
}

export type BuildChange = ChangeState &
  Pick<FinishedBuild, 'partitionId' | 'buildId' | 'projectId'> & { readonly odd: null };

/** Set for a build that cannot be produced, with any decision. */
type OddChange = ChangeState & { readonly odd: OddRow };

export type ReadChange = BuildChange | OddChange;

export const oddBuild = (partitionId: Whole, buildId: Whole, field: string): OddRow => ({
  ...{ table: 'p_ci_builds', id: `${partitionId}:${buildId}`, field },
  reason: 'is no whole number from 1 to 2^53 − 1',
});

type ChangeDecision =
  | { readonly kind: 'leave'; readonly reason: string }
  | { readonly kind: 'produce'; readonly build: FinishedBuild };

const leave = (reason: string): ChangeDecision => ({ kind: 'leave', reason });
const finished: readonly string[] = finishedStatuses;

/** `skipped` is complete but never ran, `canceling` still runs: neither has a trace to archive. */
export function decideChange(change: BuildChange): ChangeDecision {
  const refusal = refuse(change);
  if (refusal !== null) return leave(refusal);
  const { partitionId, buildId, projectId, status, finishedAtMs } = change;
  if (status === null) return leave('not finished');
  return { kind: 'produce', build: { partitionId, buildId, projectId, status, finishedAtMs } };
}

/** Every condition but its ids. */
export const isCandidate = (change: ChangeState): boolean => refuse(change) === null;

function refuse({ type, status, isErased }: ChangeState): string | null {
  if (type !== buildType) return 'not a Ci::Build';
  if (status === null || !finished.includes(status)) return 'not finished';
  return isErased ? 'erased' : null;
}
