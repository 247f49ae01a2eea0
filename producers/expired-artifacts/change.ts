/**
 * Whether a changed artifact is the change path's to produce. Pure.
 *
 * The event alone decides; the sweep's watermark is never read. A row that is unlocked, or whose expiry
 * moves into the past, becomes deletable *behind* the watermark, where no sweep looks again. Comparing
 * with the watermark would lose rows: an unlock may commit after a sweep's snapshot was taken and
 * before its watermark is published. Instead the two overlap. A sweep passes an expire_at only when its
 * snapshot is at least a margin younger than that moment. So what expires later than the moment the
 * change became visible (plus slack) is read after it, for sure; everything earlier is produced here.
 * What both produce is deleted once and found gone once. See docs/adr on the two sources.
 */
import { artifactLocked, fileStore, fileType } from '../../lib/gitlab/enums';
import type { DueArtifact } from './ports';

export interface ArtifactChange extends Omit<DueArtifact, 'expireAtUs' | 'fileStore'> {
  readonly expireAtUs: number | null;
  readonly fileStore: number | null;
  readonly locked: number | null;
  /** Position of the change in the write-ahead log, in bytes. */
  readonly lsn: number;
  /** Commit time by the database's clock, cut to milliseconds. */
  readonly committedAtMs: number;
  /** 32 bits, without the epoch. */
  readonly transactionId: number;
}

export type ChangeDecision =
  | { readonly kind: 'leave'; readonly reason: string }
  /** To be produced once its expiry has come and its transaction is visible. */
  | { readonly kind: 'produce'; readonly artifact: DueArtifact };

const leave = (reason: string): ChangeDecision => ({ kind: 'leave', reason });

/** Everything but the time: an artifact that a sweep would never take is not ours either. */
export function isCandidate(change: ArtifactChange): boolean {
  return decideChange(change, Infinity).kind === 'produce';
}

/**
 * @param untilUs expiries up to here are the change path's: commit time (or, for a transaction that was
 * not visible when we first looked, the moment at which it was) plus slack, in microseconds.
 */
export function decideChange(change: ArtifactChange, untilUs: number): ChangeDecision {
  const { expireAtUs, fileStore: store } = change;
  if (change.locked !== artifactLocked.unlocked) return leave('not unlocked');
  if (change.fileType === fileType.trace) return leave('a trace');
  if (store !== fileStore.remote) return leave('not in object storage');
  if (expireAtUs === null) return leave('never expires');
  if (expireAtUs > untilUs) return leave('expires later: the sweep will see it');
  return { kind: 'produce', artifact: { ...change, expireAtUs, fileStore: store } };
}

/** The commit time is cut to milliseconds, so the whole millisecond counts. */
export const committedUntilUs = (change: ArtifactChange, slackMs: number): number =>
  (change.committedAtMs + 1 + slackMs) * 1_000;
