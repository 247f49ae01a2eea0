/** Whether a changed build is one whose trace is to be archived. Pure; the event alone decides. */
import { buildType, finishedStatuses } from '../../lib/gitlab/enums';
import type { FinishedBuild } from './ports';

export interface BuildChange {
  readonly partitionId: number;
  readonly buildId: number;
  readonly projectId: number;
  /** Null and any other than `Ci::Build`: shares the table, has no trace. */
  readonly type: string | null;
  readonly status: string | null;
  readonly finishedAtMs: number | null;
  readonly isErased: boolean;
  /** Position of the change in the write-ahead log, in bytes. */
  readonly lsn: number;
  /** Commit time by the database's clock. */
  readonly committedAtMs: number;
  /** 32 bits, without the epoch. */
  readonly transactionId: number;
}

export type ChangeDecision =
  | { readonly kind: 'leave'; readonly reason: string }
  | { readonly kind: 'produce'; readonly build: FinishedBuild };

const leave = (reason: string): ChangeDecision => ({ kind: 'leave', reason });
const finished: readonly string[] = finishedStatuses;

/** `skipped` is complete but never ran, `canceling` still runs: neither has a trace to archive. */
export function decideChange(change: BuildChange): ChangeDecision {
  const { partitionId, buildId, projectId, status } = change;
  if (change.type !== buildType) return leave('not a Ci::Build');
  if (status === null || !finished.includes(status)) return leave('not finished');
  if (change.isErased) return leave('erased');
  const finishedAtMs = change.finishedAtMs ?? change.committedAtMs;
  return { kind: 'produce', build: { partitionId, buildId, projectId, status, finishedAtMs } };
}
