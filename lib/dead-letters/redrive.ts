/** Carries out the redrive plan of one dead-letter topic: the canary first, then the rest. */
import { watchCanary, type CanaryOutcome, type CanaryPorts } from './canary';
import type { DeadLetter } from './dead-letter';
import { DeadLetterMover, type Moved, type MovePorts } from './move';
import { redriven, type MoveDecision } from './outgoing';
import type { RedrivePlan } from './redrive-plan';
import { countReturned, readEnds, type DeadLetterLog, type ReadUpTo } from './scan';

export interface RedriveOptions {
  readonly redriveId: string;
  readonly decision: MoveDecision;
  readonly perSecond: number;
  /** Stops when so many are dead letters again: a group whose records all fail stops working. */
  readonly returnedMax: number;
  /** Time limit of the canary; null sends all at once, without one. */
  readonly canaryMs: number | null;
  /** From the scan that the plan was made of. */
  readonly readUpTo: ReadUpTo;
  readonly signal: AbortSignal;
  /** @param redriven the total so far, of this topic. */
  readonly onRedriven: (redriven: number) => void;
}

export interface RedriveReport {
  readonly redriven: number;
  /** Settled by another operator, or removed by retention, before they were written. */
  readonly left: number;
  /** null without a canary, or when there was nothing to send. */
  readonly canary: CanaryOutcome | null;
  /** How many are dead letters again by now. */
  readonly returned: number;
}

export async function redrive(
  plan: RedrivePlan,
  ports: MovePorts & CanaryPorts,
  options: RedriveOptions,
): Promise<RedriveReport> {
  const { place } = plan;
  const { redriveId, decision, canaryMs } = options;
  const failureTopics = [place.topic, ...place.retryTopics];
  const endsBefore = await endsOf(ports.log, failureTopics);
  const mover = new DeadLetterMover(ports, {
    topic: place.topic,
    readUpTo: options.readUpTo,
    perSecond: options.perSecond,
    signal: options.signal,
    isEnough: (ids) => ids.filter((id) => id === redriveId).length >= options.returnedMax,
    outgoing: (letter, record) => redriven(letter, record, redriveId),
    settlement: (offsets) => ({ kind: 'redriven', offsets, redriveId, ...decision }),
    onMoved: options.onRedriven,
  });
  let canary: CanaryOutcome | null = null;
  let rest = plan.redrive;
  if (canaryMs !== null) {
    const { first, others } = await moveFirst(mover, plan.redrive, options.signal);
    rest = others;
    if (first) {
      const sent = { place, redriveId, endsBefore, ...first };
      canary = await watchCanary(sent, ports, canaryMs, options.signal);
    }
  }
  if (canary === null || canary === 'handled') await mover.move(rest);
  const since = endsBefore.get(place.topic) ?? new Map<number, number>();
  const returned = await countReturned(ports.log, place.topic, since, redriveId);
  return { redriven: mover.moved, left: mover.left, canary, returned };
}

/** The first that can still be moved; other operators have settled those before it. */
async function moveFirst(
  mover: DeadLetterMover,
  letters: readonly DeadLetter[],
  signal: AbortSignal,
): Promise<{ first: Moved | undefined; others: readonly DeadLetter[] }> {
  for (const [index, letter] of letters.entries()) {
    if (signal.aborted) break;
    const [first] = await mover.move([letter]);
    if (first) return { first, others: letters.slice(index + 1) };
  }
  return { first: undefined, others: [] };
}

async function endsOf(
  log: DeadLetterLog,
  topics: readonly string[],
): Promise<Map<string, ReadUpTo>> {
  const ends = new Map<string, ReadUpTo>();
  for (const topic of topics) ends.set(topic, await readEnds(log, topic));
  return ends;
}
