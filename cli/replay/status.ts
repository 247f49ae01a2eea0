/** `afterbuild replay status`: the replays that are not over, how far they are, and what an operator wants of them. */
import { writeDuration } from '../../lib/control/duration';
import { systemClock } from '../../lib/process/clock';
import { onlyReplay, replayGroup, type KnownReplay } from '../../lib/replay/record';
import { exitCodes, type ExitCode } from '../exit-codes';
import { printResult } from '../output';
import { isOf, type NameOptions } from './options';
import { withReplays, type ReplaySession } from './session';

interface ReplayStatus extends KnownReplay {
  readonly group: string;
  /** Committed by the group; what runs at the moment is not in it. */
  readonly done: number;
  readonly total: number;
  /** Where its run works; empty when none does. */
  readonly runsOn: readonly string[];
}

export async function status(options: NameOptions): Promise<ExitCode> {
  const found = await withReplays(async (session) => {
    const asked = session.replays
      .all()
      .filter(({ definition }) => isOf(definition, options.process));
    const all: ReplayStatus[] = [];
    for (const known of asked) all.push(await statusOf(session, known));
    return all;
  });
  printResult(
    options,
    found,
    found.length === 0 ? ['No replay has begun that is not over.'] : found.map(describeStatus),
  );
  return exitCodes.ok;
}

async function statusOf(session: ReplaySession, known: KnownReplay): Promise<ReplayStatus> {
  const { admin, groups, named } = session;
  const group = named(replayGroup(known.definition));
  const committed = new Map(
    (await admin.committed(group, named(known.definition.topic))).map((one) => [
      one.partition,
      one,
    ]),
  );
  let done = 0;
  let total = 0;
  for (const [partition, from, to] of known.definition.ranges) {
    const { offset = -1, doneBeyond = 0 } = committed.get(partition) ?? {};
    total += to - from;
    done += Math.min(Math.max(offset, from) - from + doneBeyond, to - from);
  }
  return { ...known, group, done, total, runsOn: await groups.members(group) };
}

function describeStatus(one: ReplayStatus): string {
  const { definition, wish, done, total, runsOn, author, reason, atMs } = one;
  const { process, name, rate } = definition;
  const called = name === onlyReplay ? '' : ` (${name})`;
  const since = writeDuration(systemClock.nowMs() - atMs);
  const left = writeDuration(((total - done) / rate) * 1_000);
  return (
    `${process}${called}: ${done} of ${total} records, ${stateOf(one)}, ${left} left at ${rate} a second, ` +
    `begun ${since} ago by ${author}: ${reason}` +
    (wish.is === 'run' ? '' : `; ${wish.is} by ${wish.author}: ${wish.reason}`) +
    (runsOn.length === 0 ? '; `replay run` goes on with it' : '')
  );
}

function stateOf({ wish, runsOn }: ReplayStatus): string {
  if (runsOn.length === 0) return 'no run works on it';
  const where = `on ${[...new Set(runsOn)].join(', ')}`;
  return wish.is === 'run'
    ? `runs ${where}`
    : `${wish.is === 'pause' ? 'paused' : 'ending'} ${where}`;
}
