/** `afterbuild dlq park`: marks dead letters that will not be redriven, with the operator's name and reason. */
import { DeadLetterMover } from '../../lib/dead-letters/move';
import type { DeadLetter } from '../../lib/dead-letters/dead-letter';
import { parked } from '../../lib/dead-letters/outgoing';
import { systemClock } from '../../lib/process/clock';
import { topicsSchema } from '../../lib/kafka/topics/topics-config';
import { loadConfig } from '../../lib/process/config';
import { createProgress } from '../../lib/process/progress';
import { chosenPlaces, filterOf, type FilterOptions } from './options';
import {
  scanPlaces,
  waitingOf,
  withDeadLetters,
  type DeadLetterSession,
  type ScannedPlace,
} from './session';
import { exitCodes, type ExitCode } from '../exit-codes';
import { printResult } from '../output';
import { refuseBlank } from '../signature';

interface ParkOptions extends FilterOptions {
  readonly why: string;
  readonly author: string;
  readonly rate: number;
  readonly yes?: boolean;
}

interface Parked {
  readonly topic: string;
  readonly parkedTopic: string;
  readonly planned: number;
  /** null when it was only planned. */
  readonly parked: number | null;
  /** Settled by another operator, or removed by retention, before they were written. */
  readonly left: number;
}

type Chosen = ScannedPlace & { readonly chosen: readonly DeadLetter[] };

export async function park(options: ParkOptions, signal: AbortSignal): Promise<ExitCode> {
  refuseBlank({ why: options.why, author: options.author });
  const { AFTERBUILD_NAMESPACE } = loadConfig(topicsSchema, process.env);
  const places = chosenPlaces(AFTERBUILD_NAMESPACE, options);
  const filter = filterOf(options);
  const done = await withDeadLetters(async (session) => {
    const scanned = await scanPlaces(session.log, await session.existing(places), signal);
    const results: Parked[] = [];
    for (const one of scanned) {
      const chosen = waitingOf(one.letters, filter).slice(0, options.limit);
      if (chosen.length === 0) continue;
      const { topic, parkedTopic } = one.place;
      const planned = { topic, parkedTopic, planned: chosen.length, parked: null, left: 0 };
      const isApplied = options.yes === true;
      const moved = isApplied ? await parkAll(session, { ...one, chosen }, options, signal) : {};
      results.push({ ...planned, ...moved });
    }
    return results;
  });
  printResult(options, { applied: options.yes === true, topics: done }, [
    ...done.map(describe),
    ending(done, options.yes === true),
  ]);
  const isWhole = done.every(
    ({ planned, parked: moved, left }) => moved === null || moved + left === planned,
  );
  return isWhole ? exitCodes.ok : exitCodes.failed;
}

async function parkAll(
  { log, producer }: DeadLetterSession,
  { place, chosen, readUpTo }: Chosen,
  options: ParkOptions,
  signal: AbortSignal,
): Promise<Pick<Parked, 'parked' | 'left'>> {
  const decision = { by: options.author, why: options.why, atMs: systemClock.nowMs() };
  const progress = createProgress(process.stderr);
  const bar = progress.bar(place.topic, chosen.length, 'dead letters');
  const mover = new DeadLetterMover(
    { log, producer: await producer(), clock: systemClock },
    {
      topic: place.topic,
      readUpTo,
      perSecond: options.rate,
      signal,
      isEnough: () => false,
      outgoing: (letter, record) => parked(letter, record, place.parkedTopic, decision),
      settlement: (offsets) => ({ kind: 'parked', offsets, redriveId: null, ...decision }),
      onMoved: (count) => bar.update(count),
    },
  );
  try {
    await mover.move(chosen);
    bar.finish(`${mover.moved} parked`);
  } finally {
    progress.close();
  }
  return { parked: mover.moved, left: mover.left };
}

const describe = ({ topic, parkedTopic, planned, parked: moved }: Parked): string =>
  moved === null
    ? `${topic}: would park ${planned} in ${parkedTopic}`
    : `${topic}: ${moved} of ${planned} parked in ${parkedTopic}`;

function ending(done: readonly Parked[], isApplied: boolean): string {
  if (done.length === 0) return 'No dead letter fits.';
  return isApplied ? 'Parked.' : 'Nothing was written; --yes does it.';
}
