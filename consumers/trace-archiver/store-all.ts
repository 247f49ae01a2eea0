/**
 * Stores the traces of a pass: many short ones at once, long ones as a stream, never more than the memory budget
 * allows.
 */
import { classify } from '../../lib/failures/classify';
import { chunkBytes } from '../../lib/gitlab/trace-chunks';
import type { Outcome } from '../../lib/runtime/outcome';
import { readChunks, type WantedChunk } from './chunk-data';
import { placesOf } from './decide';
import { forJob, type Job, type FoundTrace, type Prepared } from './job';
import { partBytes } from './part';
import type { BuildTrace } from '../../lib/gitlab/trace-rows';
import { storeTrace } from './store-trace';
import type { Dependencies } from './dependencies';
import { groupChunks } from './trace-content';

/** Traces of up to so many chunks are read side by side, in groups of at most this size. */
const groupChunksMax = 32;
/**
 * A streamed trace holds one part and, twice, the amount of one read: the answers, and the bytes put together from
 * them.
 */
const passingBytes = ({ trace, look }: FoundTrace): number => {
  const whole = look.kind === 'archive' ? chunkCount(trace) * chunkBytes : partBytes;
  return Math.min(whole, partBytes) + 2 * groupChunks * chunkBytes;
};

/**
 * Short traces in groups, long ones each by itself; both within the budget of bytes.
 * @returns those whose object is stored; the jobs of the others have their outcome, or are read again.
 */
export async function storeAll(
  dependencies: Dependencies,
  found: readonly FoundTrace[],
): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  const isShort = ({ trace, look }: FoundTrace): boolean =>
    look.kind === 'archive' && chunkCount(trace) <= groupChunksMax;
  for (const group of groupsOf(found.filter(isShort))) {
    if (isAway(found)) break;
    const bytes = 2 * chunkBytes * group.reduce((sum, { trace }) => sum + chunkCount(trace), 0);
    prepared.push(
      ...(await dependencies.budget.hold(bytes, () => storeGroup(dependencies, group))),
    );
  }
  for (const one of found.filter((each) => !isShort(each))) {
    if (isAway(found)) break;
    await dependencies.budget.hold(passingBytes(one), () =>
      forJob(one.job, async () => {
        const result = await storeTrace(dependencies, one);
        if (result) prepared.push(result);
      }),
    );
  }
  const away = isAway(found);
  if (away) for (const { job } of found) if (!isPrepared(prepared, job)) job.outcome ??= away;
  return prepared;
}

const isPrepared = (prepared: readonly Prepared[], job: Job): boolean =>
  prepared.some((one) => one.job === job);

/** A store that is unavailable is so for all: the time limit of one request is waited for, not one for each trace. */
const isAway = (found: readonly FoundTrace[]): Outcome | undefined =>
  found
    .map(({ job }) => job.outcome)
    .find((outcome) => outcome?.kind === 'retry' && classify(outcome.error).kind === 'hold');

const chunkCount = ({ chunks }: BuildTrace): number => (chunks.at(-1)?.index ?? 0) + 1;

function groupsOf(found: readonly FoundTrace[]): FoundTrace[][] {
  const groups: FoundTrace[][] = [];
  let room = 0;
  for (const one of found) {
    const count = chunkCount(one.trace);
    if (groups.length === 0 || count > room) {
      groups.push([]);
      room = groupChunksMax;
    }
    groups.at(-1)?.push(one);
    room -= count;
  }
  return groups;
}

/** The data of the whole group in one round trip for each store. */
async function storeGroup(
  dependencies: Dependencies,
  group: readonly FoundTrace[],
): Promise<Prepared[]> {
  const wanted = group.flatMap(({ trace }) =>
    placesOf(trace.chunks).map((place): WantedChunk => ({ ...place, buildId: trace.buildId })),
  );
  const data = Map.groupBy(
    await readChunks(dependencies.chunks, wanted),
    ({ wanted: chunk }) => chunk.buildId,
  );
  const prepared: Prepared[] = [];
  await Promise.all(
    group.map((one) =>
      forJob(one.job, async () => {
        const all = data.get(one.trace.buildId) ?? [];
        const result = await storeTrace(dependencies, one, (places) =>
          Promise.resolve(places.flatMap(({ index }) => all[index] ?? [])),
        );
        if (result) prepared.push(result);
      }),
    ),
  );
  return prepared;
}
