/**
 * Decides whether the change path produces a changed artifact. Pure.
 *
 * The event alone decides; the sweep's watermark is never read. A row that is unlocked, or whose expiry moves into the
 * past, becomes deletable *behind* the watermark, where no sweep reads again. Comparing with the watermark would lose
 * rows: an unlock may commit after a sweep's snapshot was taken and before its watermark is published. Instead the two
 * overlap. A sweep passes an expire_at only when its snapshot is at least a margin younger than that moment. So a sweep
 * surely reads every row that expires later than the moment the change became visible (plus slack); every earlier one
 * is produced here. An artifact that both produce is deleted once and found gone once. See docs/adr/0003.
 */
import { artifactLocked, fileStore, fileType } from '../../lib/gitlab/enums';
import type { OddRow } from '../../lib/metrics/set-aside';
import type { Instant } from '../../lib/stores/postgres/instant';
import type { NamedArtifact } from './artifact-row';
import type { DueArtifact } from './ports';

/** The deciding columns, and the time of the commit. */
interface ChangeState {
  readonly expireAt: Instant | null;
  readonly fileType: number;
  readonly fileStore: number | null;
  readonly locked: number | null;
  /** Position of the change in the write-ahead log, in bytes. */
  readonly lsn: number;
  /** Commit time by the database's clock, cut to milliseconds. */
  readonly committedAtMs: number;
  /** 32 bits, without the epoch. */
  readonly transactionId: number;
}

export type ArtifactChange = ChangeState & NamedArtifact & { readonly odd: null };

/** Set for a row that cannot be produced, with any decision. */
type OddChange = ChangeState & { readonly odd: OddRow };

export type ReadChange = ArtifactChange | OddChange;

type ChangeDecision =
  | { readonly kind: 'leave'; readonly reason: string }
  /** To be produced once its expiry has come and its transaction is visible. */
  | { readonly kind: 'produce'; readonly artifact: DueArtifact };

const leave = (reason: string): ChangeDecision => ({ kind: 'leave', reason });

/** Every condition but the time: an artifact that a sweep would never take is not taken here either. */
export function isCandidate(change: ChangeState): boolean {
  return refuse(change, Infinity) === null;
}

/**
 * @param untilUs the change path produces expiries up to here: commit time (or, for a transaction that was not visible
 * at the first check, the moment at which it was) plus slack, in microseconds.
 */
export function decideChange(change: ArtifactChange, untilUs: number): ChangeDecision {
  const refusal = refuse(change, untilUs);
  if (refusal !== null) return leave(refusal);
  const { expireAt, fileStore: store } = change;
  if (expireAt === null || store === null) return leave('never expires');
  return { kind: 'produce', artifact: { ...change, expireAt, fileStore: store } };
}

function refuse({ locked, expireAt, ...change }: ChangeState, untilUs: number): string | null {
  if (locked !== artifactLocked.unlocked) return 'not unlocked';
  if (change.fileType === fileType.trace) return 'a trace';
  if (change.fileStore !== fileStore.remote) return 'not in object storage';
  if (expireAt === null) return 'never expires';
  return expireAt > untilUs ? 'expires later: the sweep will see it' : null;
}

/** The commit time is cut to milliseconds, so the whole millisecond counts. */
export const committedUntilUs = (change: ChangeState, slackMs: number): number =>
  (change.committedAtMs + 1 + slackMs) * 1_000;
