/** Takes a server away for a minute, and reads out of a log what a process said about it. */
import type { ServerHandle } from '../../ops/local/running-stack';
import { inFull } from './faults';
import type { LogLine, RunningProcess } from './running-process';
import { until } from './until';

/** An outage that is to last: five minutes in the full run of faults, else as long as it takes to be felt. */
export const longOutageMs = inFull(300_000, 25_000);

/** Stops the server, lets things happen, and starts it again when the time is over. */
export async function awayFor(
  server: ServerHandle,
  awayMs: number,
  meanwhile: () => Promise<void>,
): Promise<void> {
  await server.stop();
  const backAtMs = Date.now() + awayMs;
  try {
    await meanwhile();
    const claim = `${server.title} was away for ${awayMs / 1_000} s`;
    await until(claim, () => Date.now() >= backAtMs, 2 * awayMs);
  } finally {
    await server.start();
  }
}

export const awayForAMinute = (
  server: ServerHandle,
  meanwhile: () => Promise<void>,
): Promise<void> => awayFor(server, 60_000, meanwhile);

/** Whoever fails says so when it begins, once a reason, and once that it is over: never a line a try. */
const pairs = [
  [
    'lane.retrying',
    'lane.recovered',
    ({ topic, partition, lane }: LogLine) => [topic, partition, lane],
  ],
  ['dependency.failed', 'dependency.back', ({ shard, doing }: LogLine) => [shard, doing]],
  ['commit.failing', 'commit.recovered', () => []],
] as const;

interface Said {
  readonly reasons: string[];
  ends: number;
}

/**
 * @param since how many lines the log had before the outage.
 * @returns who repeated itself, or has not said that it is over; empty when all is well.
 */
export function saidTooOftenOrNotAtAll(process: RunningProcess, since: number): string[] {
  const lines = process.lines.slice(since);
  return pairs.flatMap(([begins, ends, whoOf]) => {
    const told = new Map<string, Said>();
    for (const line of lines) {
      if (line.event !== begins && line.event !== ends) continue;
      const who = `${process.name} ${begins} ${whoOf(line).join('/')}`;
      const said = told.get(who) ?? { reasons: [], ends: 0 };
      if (line.event === ends) said.ends += 1;
      else said.reasons.push((line['err'] as Error).message);
      told.set(who, said);
    }
    return [...told].filter(([, said]) => !isBrief(said)).map(([who, said]) => sentence(who, said));
  });
}

const isBrief = ({ reasons, ends }: Said): boolean =>
  ends === 1 && reasons.length > 0 && new Set(reasons).size === reasons.length;

const sentence = (who: string, { reasons, ends }: Said): string =>
  `${who}: ${JSON.stringify(reasons)}, ${ends} times over`;
