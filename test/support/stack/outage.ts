/** Stops a server for a minute, and reads from a log what a process logged about it. */
import type { ServerHandle } from '../../../ops/local/stack/running-stack';
import { inFull } from '../faults';
import type { LogLine, RunningProcess } from '../scenario/running-process';
import { until } from '../until';

/** A lasting outage: five minutes in the full run of faults, otherwise as long as the processes need to notice it. */
export const longOutageMs = inFull(300_000, 25_000);

/** Stops the server, runs the given work, and starts it again when the time is over. */
export async function awayFor(
  server: ServerHandle,
  awayMs: number,
  meanwhile: () => Promise<void>,
): Promise<void> {
  await server.stop();
  const backAtMs = Date.now() + awayMs;
  try {
    await meanwhile();
    const claim = `${server.title} was unavailable for ${awayMs / 1_000} s`;
    await until(claim, () => Date.now() >= backAtMs, 2 * awayMs);
  } finally {
    await server.start();
  }
}

export const awayForAMinute = (
  server: ServerHandle,
  meanwhile: () => Promise<void>,
): Promise<void> => awayFor(server, 60_000, meanwhile);

/**
 * A process logs a failure when it begins, once for each reason, and once when it is over: never a line for each try.
 */
const pairs = [
  [
    'lane.retrying',
    // A rejoin under another name takes the partition from it, with its failing lanes.
    ['lane.recovered', 'lane.given-away'],
    ({ topic, partition, lane }: LogLine) => [topic, partition, lane],
  ],
  [
    'dependency.failed',
    // The same for a shard that is lost with its partition.
    ['dependency.back', 'dependency.given-up'],
    ({ shard, doing }: LogLine) => [shard, doing],
  ],
  ['commit.failing', ['commit.recovered'], () => []],
] as const;

/** From the first line about the failure to the line that it is over. */
interface Spell {
  readonly reasons: string[];
  isOver: boolean;
}

/**
 * @param since how many lines the log had before the outage.
 * @returns the processes that repeated themselves, or did not log the end; empty when all is well.
 */
export function saidTooOftenOrNotAtAll(process: RunningProcess, since: number): string[] {
  const lines = process.lines.slice(since);
  return pairs.flatMap(([begins, ends, whoOf]) => {
    const spellsOf = new Map<string, Spell[]>();
    for (const line of lines) {
      const isEnd = ends.some((event) => event === line.event);
      if (line.event !== begins && !isEnd) continue;
      const who = `${process.name} ${begins} ${whoOf(line).join('/')}`;
      const spells = spellsOf.get(who) ?? [];
      spellsOf.set(who, spells);
      if (!isEnd || spells.length === 0) complain(spells, isEnd ? null : line);
      if (isEnd) spells.at(-1)!.isOver = true;
    }
    return [...spellsOf].flatMap(([who, spells]) =>
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
