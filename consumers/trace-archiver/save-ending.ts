/**
 * Saves live data before it ends: Redis drops it seven days after the last append. A trace that waits or is left is
 * handled here before that: its readable part is archived with markers; where a row or an object forbids that, the data
 * is kept for longer, or its end is reported.
 */
import { chunkRedisKey } from '../../lib/gitlab/trace-chunks';
import { endsSoon, lookAt, mayBeKept } from './decide';
import type { FoundTrace, Note, Prepared } from './job';
import { storeAll } from './store-all';
import type { Dependencies } from './dependencies';

const waits = ({ job }: FoundTrace): boolean => isWaiting(job.note);
const isWaiting = (note: Note | undefined): boolean =>
  note?.event === 'trace.waits' || note?.event === 'trace.left';

/** @param found the traces of a pass, of which some have been set aside. @returns those that were stored after all. */
export async function saveEnding(
  dependencies: Dependencies,
  found: readonly FoundTrace[],
): Promise<Prepared[]> {
  const aside = found.filter(waits);
  if (aside.length === 0) return [];
  const ends = await endsOf(dependencies, aside);
  const soon = aside.filter((one) => endsSoon(ends.get(one) ?? null, dependencies.rules));
  const prepared = await storeAll(
    dependencies,
    soon.map((one) => lastCall(dependencies, one)),
  );
  for (const one of aside) await care(dependencies, one, ends.get(one) ?? null, soon.includes(one));
  return prepared;
}

/** Its job is open again; the limit on a trace's length does not apply any more. */
function lastCall({ rules }: Dependencies, { job, trace }: FoundTrace): FoundTrace {
  job.isLastCall = true;
  job.outcome = undefined;
  job.note = undefined;
  return { job, trace, look: lookAt(trace, job.key, { ...rules, bytesMax: Infinity }) };
}

/** Keys of the chunks that have a row: only those are ours to keep. */
const keysOf = ({ trace }: FoundTrace): string[] =>
  trace.chunks.map(({ index }) => chunkRedisKey(trace.buildId, index));

/** When the first data of each trace ends: two round trips. */
async function endsOf(
  { chunks }: Dependencies,
  found: readonly FoundTrace[],
): Promise<ReadonlyMap<FoundTrace, number>> {
  const ends = new Map<FoundTrace, number>();
  const owners = found.flatMap((one) => keysOf(one).map(() => one));
  const keys = found.flatMap(keysOf);
  for (const store of [chunks.sharedState, chunks.traceChunks]) {
    const left = await store.lifetimes(keys);
    owners.forEach((one, at) => {
      const endsInMs = left[at] ?? null;
      if (endsInMs !== null) ends.set(one, Math.min(endsInMs, ends.get(one) ?? Infinity));
    });
  }
  return ends;
}

async function care(
  dependencies: Dependencies,
  one: FoundTrace,
  endsInMs: number | null,
  isSoon: boolean,
): Promise<void> {
  const { job } = one;
  const { rules, clock, ending } = dependencies;
  if (endsInMs === null || !isWaiting(job.note) || !job.note) return;
  const { reason } = job.note;
  const nowMs = clock.nowMs();
  if (!isSoon) {
    ending.waits(job.owner, { endsAtMs: nowMs + endsInMs, reason, isKept: true });
    job.note = { ...job.note, endsInMs };
    return;
  }
  const isKept = mayBeKept(nowMs - job.finishedAtMs, rules);
  if (isKept) await keep(dependencies, one);
  const left = isKept ? rules.keepMs : endsInMs;
  ending.waits(job.owner, { endsAtMs: nowMs + left, reason, isKept });
  job.note = isKept
    ? { ...job.note, endsInMs: left }
    : { event: 'trace.ends', reason, endsInMs: left };
}

async function keep({ chunks, rules }: Dependencies, one: FoundTrace): Promise<void> {
  for (const store of [chunks.sharedState, chunks.traceChunks]) {
    await store.keep(keysOf(one), rules.keepMs);
  }
}
