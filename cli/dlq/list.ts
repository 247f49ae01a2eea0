/** `afterbuild dlq list`: which dead letters wait, and why. */
import { matches } from '../../lib/dead-letters/filter';
import { summarize, type Cause, type DeadLetterSummary } from '../../lib/dead-letters/summary';
import type { OperatorDecision } from '../../lib/dead-letters/resolution';
import { topicsSchema } from '../../lib/kafka/topics/topics-config';
import { loadConfig } from '../../lib/process/config';
import { chosenPlaces, filterOf, type FilterOptions } from './options';
import { scanPlaces, withDeadLetters, type ScannedPlace } from './session';
import { exitCodes, type ExitCode } from '../exit-codes';
import { printResult } from '../output';

interface ListedTopic extends DeadLetterSummary {
  readonly topic: string;
  readonly group: string;
  readonly originTopic: string;
}

export async function list(options: FilterOptions, signal: AbortSignal): Promise<ExitCode> {
  const { AFTERBUILD_NAMESPACE } = loadConfig(topicsSchema, process.env);
  const places = chosenPlaces(AFTERBUILD_NAMESPACE, options);
  const scanned = await withDeadLetters(async ({ log, existing }) =>
    scanPlaces(log, await existing(places), signal),
  );
  const listed = scanned.map((one) => listedOf(one, options));
  const waiting = listed.reduce((sum, one) => sum + one.waiting, 0);
  printResult(options, listed, [
    ...listed.flatMap((topic) => describeTopic(topic, options.limit ?? causesShown)),
    endingOf(waiting, listed.filter((one) => one.waiting > 0).length),
  ]);
  return exitCodes.ok;
}

const causesShown = 20;
const decisionsShown = 5;

export function endingOf(waiting: number, topics: number): string {
  if (waiting === 0) return 'No dead letter waits.';
  const letters = waiting === 1 ? '1 dead letter waits' : `${waiting} dead letters wait`;
  return `${letters} on ${topics === 1 ? '1 topic' : `${topics} topics`}.`;
}

function listedOf({ place, letters }: ScannedPlace, options: FilterOptions): ListedTopic {
  const filter = filterOf(options);
  const summary = summarize(letters.filter((letter) => matches(letter, filter)));
  const { topic, group, originTopic } = place;
  return { topic, group, originTopic, ...summary };
}

export function describeTopic(listed: ListedTopic, causesMax: number): string[] {
  const { topic, waiting, redriven, parked, oldestAtMs, newestAtMs, causes, decisions } = listed;
  const settled = `${redriven} redriven, ${parked} parked`;
  const span =
    oldestAtMs === null || newestAtMs === null
      ? ''
      : `, failed between ${isoTime(oldestAtMs)} and ${isoTime(newestAtMs)}`;
  const more = causes.length > causesMax ? [`  and ${causes.length - causesMax} more causes`] : [];
  return [
    `${topic}: ${waiting} waiting${span} (${settled})`,
    ...causes.slice(0, causesMax).map(describeCause),
    ...more,
    ...decisions
      .slice(0, decisionsShown)
      .map((one) => `  ${String(one.count).padStart(6)}  ${describeDecision(one.kind, one)}`),
  ];
}

const describeCause = ({ count, errorKind, reason, errorClass }: Cause): string =>
  `  ${String(count).padStart(6)}  ${errorKind}${reason === null ? '' : ` ${reason}`}  ${errorClass}`;

/** `parked by anna at 2026-05-01T12:00:00.000Z: written by a test`. */
export function describeDecision(kind: string, { by, atMs, why }: OperatorDecision): string {
  const at = atMs === null ? '' : ` at ${isoTime(atMs)}`;
  return `${kind} by ${by}${at}${why === '' ? '' : `: ${why}`}`;
}

export const isoTime = (atMs: number): string => new Date(atMs).toISOString();
