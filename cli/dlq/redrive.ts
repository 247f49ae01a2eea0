/** `afterbuild dlq redrive`: shows the plan, and carries it out with --yes. */
import { randomUUID } from 'node:crypto';
import { redrive, type RedriveReport } from '../../lib/dead-letters/redrive';
import {
  describeRefused,
  planRedrive,
  type RedrivePlan,
} from '../../lib/dead-letters/redrive-plan';
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

interface RedriveOptions extends FilterOptions {
  readonly yes?: boolean;
  readonly rate: number;
  readonly canary?: boolean;
  readonly canarySeconds: number;
  readonly returnedMax: number;
  readonly redrivesMax: number;
  readonly force?: boolean;
  readonly author: string;
  readonly why: string;
}

interface Planned extends RedrivePlan {
  readonly readUpTo: ScannedPlace['readUpTo'];
}

interface Done {
  readonly plan: Planned;
  /** null when it was only planned, or not begun because an earlier canary failed. */
  readonly report: RedriveReport | null;
}

export async function redriveCommand(
  options: RedriveOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { AFTERBUILD_NAMESPACE } = loadConfig(topicsSchema, process.env);
  const places = chosenPlaces(AFTERBUILD_NAMESPACE, options);
  const redriveId = `r-${randomUUID().slice(0, 8)}`;
  const done = await withDeadLetters(async (session) => {
    const scanned = await scanPlaces(session.log, await session.existing(places), signal);
    const plans: Planned[] = [];
    for (const one of scanned) plans.push(await planOf(session, one, options));
    const wanted = plans.filter(({ redrive: own, refused }) => own.length + refused.length > 0);
    if (options.yes !== true) return wanted.map((plan) => ({ plan, report: null }));
    return carryOut(session, wanted, options, redriveId, signal);
  });
  const isApplied = options.yes === true;
  printResult(options, resultOf(done, isApplied ? redriveId : null), [
    ...done.flatMap(({ plan, report }) => [
      ...(isApplied ? describeReport(plan, report) : describePlan(plan, options)),
      ...describeRefused(plan.refused).map((line) => `  ${line}`),
    ]),
    ending(done, isApplied, redriveId),
  ]);
  return isApplied && !done.every(isWhole) ? exitCodes.failed : exitCodes.ok;
}

async function planOf(
  { admin }: DeadLetterSession,
  { place, letters, readUpTo }: ScannedPlace,
  options: RedriveOptions,
): Promise<Planned> {
  const waiting = waitingOf(letters, filterOf(options));
  const originPartitions = waiting.length === 0 ? 0 : (await admin.ends(place.originTopic)).length;
  const plan = planRedrive(waiting, {
    place,
    originPartitions,
    redrivesMax: options.redrivesMax,
    force: options.force === true,
    limit: options.limit ?? Infinity,
  });
  return { ...plan, readUpTo };
}

/** One topic after the other; a failed canary ends all of it, and so do too many returning records. */
async function carryOut(
  { admin, log, producer }: DeadLetterSession,
  plans: readonly Planned[],
  options: RedriveOptions,
  redriveId: string,
  signal: AbortSignal,
): Promise<Done[]> {
  const ports = {
    log,
    producer: await producer(),
    clock: systemClock,
    committed: (group: string, topic: string) => admin.committed(group, topic),
  };
  const progress = createProgress(process.stderr);
  const done: Done[] = [];
  let isOver = false;
  try {
    for (const plan of plans) {
      if (isOver || plan.redrive.length === 0) {
        done.push({ plan, report: null });
        continue;
      }
      const bar = progress.bar(plan.place.topic, plan.redrive.length, 'dead letters');
      const report = await redrive(plan, ports, {
        redriveId,
        decision: { by: options.author, why: options.why, atMs: systemClock.nowMs() },
        perSecond: options.rate,
        canaryMs: options.canary === true ? options.canarySeconds * 1_000 : null,
        returnedMax: options.returnedMax,
        readUpTo: plan.readUpTo,
        signal,
        onRedriven: (count) => bar.update(count),
      });
      bar.finish(`${report.redriven} redriven`);
      done.push({ plan, report });
      isOver = signal.aborted || !isCanaryFine(report) || report.returned >= options.returnedMax;
    }
  } finally {
    progress.close();
  }
  return done;
}

const isCanaryFine = ({ canary }: RedriveReport): boolean =>
  canary === null || canary === 'handled';

const isWhole = ({ plan, report }: Done): boolean =>
  plan.refused.length === 0 &&
  (plan.redrive.length === 0 ||
    (report !== null && report.redriven + report.left === plan.redrive.length)) &&
  (report === null || report.returned === 0);

function describePlan({ place, redrive: own }: Planned, options: RedriveOptions): string[] {
  const first = own[0];
  if (!first) return [`${place.topic}: nothing to redrive`];
  const partitions = new Set(own.map(({ origin }) => origin?.partition));
  const how = options.canary === true ? 'one first, then ' : '';
  return [
    `${place.topic}: would redrive ${own.length} to ${place.originTopic}, ` +
      `${partitions.size} partitions, ${how}${options.rate} a second`,
    `  first: partition ${first.partition} offset ${first.offset}, from ${place.originTopic} ` +
      `partition ${first.origin?.partition ?? '?'} offset ${first.origin?.offset ?? '?'}`,
  ];
}

function describeReport({ place, redrive: own }: Planned, report: RedriveReport | null): string[] {
  if (report === null) return [`${place.topic}: none of ${own.length} redriven`];
  const { redriven, left, returned } = report;
  const others = left === 0 ? '' : `, ${left} were settled by others or are gone`;
  const again = returned === 0 ? '' : `, ${returned} are dead letters again already`;
  return [
    `${place.topic}: ${redriven} of ${own.length} redriven to ${place.originTopic}${others}${again}`,
    ...describeCanary(place.group, report),
  ];
}

function describeCanary(group: string, { canary }: RedriveReport): string[] {
  if (canary === null) return [];
  const outcome = {
    handled: `  the canary was handled by ${group}`,
    returned: '  the canary is a dead letter again, so nothing followed it',
    retrying: `  the canary failed again and waits in a retry topic of ${group}, so nothing followed it`,
    'not-reached': `  ${group} did not commit past the canary in time (held, behind or not running), so nothing followed it`,
    interrupted: '  interrupted while the canary was awaited, so nothing followed it',
  } as const;
  return [outcome[canary]];
}

function ending(done: readonly Done[], isApplied: boolean, redriveId: string): string {
  if (done.length === 0) return 'No dead letter fits.';
  if (!isApplied) return 'Nothing was written; --yes does it.';
  return `Redriven as ${redriveId}; the same command again takes what is left.`;
}

/** For machines; without the letters themselves, which `dlq show` prints. */
function resultOf(done: readonly Done[], redriveId: string | null): unknown {
  return {
    applied: redriveId !== null,
    redriveId,
    topics: done.map(({ plan, report }) => ({
      ...plan.place,
      planned: plan.redrive.length,
      refused: plan.refused.map(({ letter, because }) => ({
        partition: letter.partition,
        offset: letter.offset,
        because,
      })),
      ...report,
    })),
  };
}
