/** Waits for the fate of the first redriven record (the canary), before the others follow it. */
import type { CommittedOffset } from '../kafka/topics/admin';
import { decodeCommitMap } from '../kafka/commit-map';
import type { Clock } from '../process/clock';
import type { DeadLetter } from './dead-letter';
import type { DeadLetterPlace } from './places';
import { countReturned, type DeadLetterLog, type ReadUpTo } from './scan';

export type CanaryOutcome =
  /** The group has committed past it, and it is on no failure topic. */
  | 'handled'
  /** It is a dead letter again. */
  | 'returned'
  /** It failed again, and waits in a retry topic. */
  | 'retrying'
  /** The group did not commit past it in time: it is held, behind, or not running. */
  | 'not-reached'
  /** The operator's signal came first. */
  | 'interrupted';

export interface CanaryPorts {
  readonly log: DeadLetterLog;
  readonly committed: (group: string, topic: string) => Promise<readonly CommittedOffset[]>;
  readonly clock: Clock;
}

interface Canary {
  readonly place: DeadLetterPlace;
  readonly redriveId: string;
  readonly letter: DeadLetter;
  /** Its offset on the origin topic; null when the broker did not report it, so that it cannot be found. */
  readonly offset: number | null;
  /** The ends of the group's failure topics before it was written. */
  readonly endsBefore: ReadonlyMap<string, ReadUpTo>;
}

const askEveryMs = 500;

/**
 * A runtime writes a failed record to its failure topic before it commits past it: so once the group has committed, a
 * record that is not there has been handled.
 */
export async function watchCanary(
  canary: Canary,
  { log, committed, clock }: CanaryPorts,
  limitMs: number,
  signal: AbortSignal,
): Promise<CanaryOutcome> {
  const { place, letter, offset, endsBefore, redriveId } = canary;
  const giveUpAtMs = clock.nowMs() + limitMs;
  const isCommitted = async (): Promise<boolean> => {
    const offsets = await committed(place.group, place.originTopic);
    const own = offsets.find((one) => one.partition === letter.origin?.partition);
    return own !== undefined && offset !== null && isDone(own, offset);
  };
  while (!(await isCommitted())) {
    if (clock.nowMs() >= giveUpAtMs) return 'not-reached';
    await clock.sleep(askEveryMs, signal).catch(() => undefined);
    if (signal.aborted) return 'interrupted';
  }
  for (const [topic, ends] of endsBefore) {
    if ((await countReturned(log, topic, ends, redriveId)) === 0) continue;
    return topic === place.topic ? 'returned' : 'retrying';
  }
  return 'handled';
}

/** Below the committed offset, or marked in the commit map beyond it. */
function isDone(
  { offset: committed, metadata }: Pick<CommittedOffset, 'offset' | 'metadata'>,
  offset: number,
): boolean {
  if (offset < committed) return true;
  const beyond = decodeCommitMap(metadata, committed) ?? [];
  return beyond.some(({ from, to }) => from <= offset && offset < to);
}
