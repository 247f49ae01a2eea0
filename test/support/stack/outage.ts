/** Takes a server away for a minute, and reads out of a log what a process said about it. */
import type { ServerHandle } from '../../../ops/local/stack/running-stack';
import { inFull } from '../faults';
import type { LogLine, RunningProcess } from '../scenario/running-process';
import { until } from '../until';

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
    // A rejoin under another name takes the partition away, and its failing lanes go with it.
    ['lane.recovered', 'lane.given-away'],
    ({ topic, partition, lane }: LogLine) => [topic, partition, lane],
  ],
  [
    'dependency.failed',
    // A shard that goes with its partition, too.
    ['dependency.back', 'dependency.given-up'],
    ({ shard, doing }: LogLine) => [shard, doing],
  ],
  ['commit.failing', ['commit.recovered'], () => []],
] as const;

/** From the first complaint to the word that it is over. */
interface Spell {
  readonly reasons: string[];
  isOver: boolean;
}

/**
 * @param since how many lines the log had before the outage.
 * @returns who repeated itself, or has not said that it is over; empty when all is well.
 */
export function saidTooOftenOrNotAtAll(process: RunningProcess, since: number): string[] {
  const lines = process.lines.slice(since);
  return pairs.flatMap(([begins, ends, whoOf]) => {
    const told = new Map<string, Spell[]>();
    for (const line of lines) {
      const isEnd = ends.some((event) => event === line.event);
      if (line.event !== begins && !isEnd) continue;
      const who = `${process.name} ${begins} ${whoOf(line).join('/')}`;
      const spells = told.get(who) ?? [];
      told.set(who, spells);
      if (!isEnd || spells.length === 0) complain(spells, isEnd ? null : line);
      if (isEnd) spells.at(-1)!.isOver = true;
    }
    return [...told].flatMap(([who, spells]) =>
      spells.every(isBrief) ? [] : [`${who}: ${JSON.stringify(spells)}`],
    );
  });
}

/** A complaint after the end of a spell begins a new one. */
function complain(spells: Spell[], line: LogLine | null): void {
  const last = spells.at(-1);
  const spell = last && !last.isOver ? last : { reasons: [], isOver: false };
  if (spell !== last) spells.push(spell);
  if (line) spell.reasons.push((line['err'] as Error).message);
}

const isBrief = ({ reasons, isOver }: Spell): boolean =>
  isOver && reasons.length > 0 && new Set(reasons).size === reasons.length;
