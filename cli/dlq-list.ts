/** `afterbuild dlq list`: what waits on the dead-letter topics, and why. */
import { matches } from '../lib/dead-letters/filter';
import { summarize, type Cause, type DeadLetterSummary } from '../lib/dead-letters/summary';
import { loadConfig, topicsSchema } from '../lib/process/config';
import { chosenPlaces, filterOf, type FilterOptions } from './dlq-options';
import { scanPlaces, withDeadLetters, type ScannedPlace } from './dlq-session';
import { exitCodes, type ExitCode } from './exit-codes';
import { printResult } from './output';

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
    `${waiting} dead letters wait on ${listed.length} topics.`,
  ]);
  return exitCodes.ok;
}

const causesShown = 20;

function listedOf({ place, letters }: ScannedPlace, options: FilterOptions): ListedTopic {
  const filter = filterOf(options);
  const summary = summarize(letters.filter((letter) => matches(letter, filter)));
  const { topic, group, originTopic } = place;
  return { topic, group, originTopic, ...summary };
}

export function describeTopic(listed: ListedTopic, causesMax: number): string[] {
  const { topic, waiting, redriven, parked, oldestAtMs, newestAtMs, causes } = listed;
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
  ];
}

const describeCause = ({ count, errorKind, reason, errorClass }: Cause): string =>
  `  ${String(count).padStart(6)}  ${errorKind}${reason === null ? '' : ` ${reason}`}  ${errorClass}`;

export const isoTime = (atMs: number): string => new Date(atMs).toISOString();
