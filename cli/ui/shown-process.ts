/** What the page says of one process: state and cause, instances, partitions, the work left beside Kafka's lag. Pure. */
import { writeDuration } from '../../lib/control/duration';
import type { FlagInForce } from '../../lib/control/flags';
import type { ProcessReport } from '../../lib/control/status-report';
import { itemsText } from '../../lib/control/whole-work';
import { kafkaLagOf, leftOf, type PartitionWork } from '../../lib/control/work-left';
import { placeOf, type Membership } from './membership';
import {
  severities,
  severityOf,
  shownInstance,
  type InstanceContext,
  type Severity,
  type ShownInstance,
} from './shown-instance';

interface ShownPartition {
  /** Without the namespace. */
  readonly topic: string;
  readonly partition: number;
  readonly logEnd: number;
  readonly committed: number;
  readonly left: number;
  readonly kafkaLag: number;
  /** Null where nobody holds it, or the group shares out its partitions just now. */
  readonly holder: string | null;
}

export interface ShownProcess {
  readonly process: string;
  readonly severity: Severity;
  readonly state: string;
  /** State and cause in one sentence. */
  readonly sentence: string;
  readonly causes: readonly string[];
  /** Null where Kafka does not say it. */
  readonly recordsLeft: number | null;
  readonly kafkaLag: number | null;
  /** Why the two differ, or that they do not. */
  readonly lagSentence: string;
  /** Since when the oldest unfinished record waits, milliseconds since the epoch. */
  readonly oldestAtMs: number | null;
  readonly etaMs: number | null;
  /** In all, from the database to the last effect; empty when nothing is known. */
  readonly whole: string;
  readonly lost: number;
  readonly recordsPerSecond: number;
  readonly deadLetters: number | null;
  readonly breakers: readonly string[];
  readonly flags: readonly string[];
  readonly instances: readonly ShownInstance[];
  readonly partitions: readonly ShownPartition[];
}

export interface ProcessReading {
  readonly report: ProcessReport;
  readonly partitions: readonly PartitionWork[];
  readonly group: Membership | null;
}

export function shownProcess(
  { report, partitions, group }: ProcessReading,
  { nowMs, namespace }: Pick<InstanceContext, 'nowMs' | 'namespace'>,
): ShownProcess {
  const context = { group, nowMs, namespace };
  const instances = report.instances
    .map((one) => shownInstance(one, context))
    .sort((a, b) => rankOf(b) - rankOf(a) || (a.instance < b.instance ? -1 : 1));
  const isKnown = partitions.length > 0;
  const kafkaLag = isKnown ? sum(partitions.map(kafkaLagOf)) : null;
  const counted = instances.filter(({ severity }) => severity !== 'off');
  return {
    ...verdictOf(report, instances),
    process: report.process,
    causes: [...new Set(counted.flatMap(({ causes }) => causes))].slice(0, 10),
    recordsLeft: report.recordsLeft,
    kafkaLag,
    lagSentence: lagSentenceOf(report.recordsLeft, kafkaLag),
    oldestAtMs: report.oldestMs === null ? null : nowMs - report.oldestMs,
    etaMs: report.recordsLeft === 0 ? 0 : report.etaMs,
    whole: wholeOf(report),
    lost: report.lost ?? 0,
    recordsPerSecond: report.recordsPerSecond,
    deadLetters: report.deadLetters,
    breakers: [...new Set(counted.flatMap(({ breakers }) => breakers))],
    flags: report.flags.map((flag) => flagSentence(flag, nowMs)),
    instances,
    partitions: partitions.map((one) => shownPartition(one, group, namespace)),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const rankOf = ({ severity }: ShownInstance): number => severities.indexOf(severity);

/** A process of which no instance works is red, though `status` still believes its last word. */
function verdictOf(
  report: ProcessReport,
  instances: readonly ShownInstance[],
): Pick<ShownProcess, 'severity' | 'state' | 'sentence'> {
  const { state, sentence } = report;
  const gone = instances.filter((one) => one.state === 'gone').length;
  const counted = instances.filter(({ severity }) => severity !== 'off');
  if (gone > 0 && gone === counted.length) {
    const who = gone === 1 ? 'its only instance is' : `all ${gone} instances are`;
    return { severity: 'bad', state: 'gone', sentence: `gone: ${who} no member of the group` };
  }
  const missing = counted.filter((one) => ['gone', 'silent'].includes(one.state)).length;
  const severity = severityOf(state);
  if (missing === 0 || severity === 'bad') return { severity, state, sentence };
  const note = `${missing} of ${counted.length} instances ${missing === 1 ? 'is' : 'are'} gone`;
  return { severity: 'warn', state: `${state}, ${missing} gone`, sentence: `${sentence}; ${note}` };
}

/** One sentence why the work left and Kafka's own lag differ. */
export function lagSentenceOf(recordsLeft: number | null, kafkaLag: number | null): string {
  if (recordsLeft === null || kafkaLag === null) return 'Kafka knows no such topic or group.';
  const done = kafkaLag - recordsLeft;
  if (done <= 0) return 'Both agree: no record behind the committed offsets is done.';
  return `Kafka counts from the committed offset on; ${itemsText(done)} of those records are done already, as the commit map says.`;
}

function wholeOf({ work, wholeEtaMs }: ProcessReport): string {
  if (work === null || work.inDatabase === null) return '';
  const { unit, inDatabase, isEstimate, dueForMs, inFlight } = work;
  const parts = [
    `${isEstimate ? 'about ' : ''}${itemsText(inDatabase)} ${unit} are due in the database`,
    ...(dueForMs === null ? [] : [`the first since ${writeDuration(dueForMs)}`]),
    ...(inFlight === 0 ? [] : [`${itemsText(inFlight)} in flight`]),
    ...(wholeEtaMs === null || inDatabase + inFlight === 0
      ? []
      : [`all done in about ${writeDuration(wholeEtaMs)}`]),
  ];
  return parts.join(', ');
}

/** `pause true by anna: maintenance, for 1h20m more`. */
function flagSentence(flag: FlagInForce, nowMs: number): string {
  const { process, name, value, author, reason, expiresAtMs } = flag;
  const until =
    expiresAtMs === null
      ? 'until it is taken back'
      : `for ${writeDuration(expiresAtMs - nowMs)} more`;
  return `${name} ${value} for ${process} by ${author}: ${reason}, ${until}`;
}

function shownPartition(
  one: PartitionWork,
  group: Membership | null,
  namespace: string,
): ShownPartition {
  const { topic, partition, logEnd, committed } = one;
  return {
    topic: topic.slice(namespace.length),
    ...{ partition, logEnd, committed },
    left: leftOf(one),
    kafkaLag: kafkaLagOf(one),
    holder: group?.holders.get(placeOf(topic, partition)) ?? null,
  };
}
