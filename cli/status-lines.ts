/** Formats the report of a process as lines of text. Pure. */
import { writeDuration } from '../lib/control/duration';
import { itemsText } from '../lib/control/whole-work';
import type { InstanceReport, ProcessReport } from '../lib/control/status-report';
import { describeFlag } from './flags';
import { redisLinesOf } from './status-redis';

export function linesOf(report: ProcessReport, nowMs: number): string[] {
  const line = (title: string, text: string): string => `  ${title.padEnd(14)}${text}`;
  const isCaused = ['held', 'stalled', 'halted'].includes(report.state);
  const causes = isCaused ? causesOf(report.instances) : [];
  return [
    `${report.process.padEnd(18)}${report.sentence}`,
    ...causes.map((cause) => line('because', cause)),
    line('instances', describeInstances(report.instances)),
    line('work left', describeWork(report)),
    ...describeWhole(report).map((text) => line('in all', text)),
    ...(report.deadLetters === null || report.deadLetters === 0
      ? []
      : [line('dead letters', `${report.deadLetters} (afterbuild dlq list)`)]),
    ...setAsideOf(report.instances).map((text) => line('set aside', text)),
    ...redisLinesOf(report.instances).map(({ title, text }) => line(title, text)),
    ...report.flags.map((flag) => line('flag', describeFlag(flag, nowMs))),
  ];
}

const causesOf = (instances: readonly InstanceReport[]): string[] => [
  ...new Set(
    instances.flatMap(({ cause, causes, silentForMs }) => {
      if (silentForMs !== null) return [];
      // A version without `causes` reports the first cause only.
      return causes.length > 0 ? causes : (cause ?? []);
    }),
  ),
];

/** The rows that the instances cannot handle, each once: several instances may have met the same one. */
function setAsideOf(instances: readonly InstanceReport[]): string[] {
  const live = instances.filter(({ silentForMs }) => silentForMs === null);
  const groups = Map.groupBy(
    live.flatMap(({ setAside }) => setAside),
    ({ table, field }) => `${table} ${field}`,
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const ids = [...new Set(group.flatMap((rows) => rows.ids))];
    const count = Math.max(ids.length, ...group.map((rows) => rows.count));
    const more = count > ids.length ? ', ...' : '';
    const rows = count === 1 ? '1 row' : `${count} rows`;
    return [`${rows} of ${first.table} for their ${first.field}: ${ids.join(', ')}${more}`];
  });
}

/** `3: 2 working, 1 silent`. */
function describeInstances(instances: readonly InstanceReport[]): string {
  const counts = new Map<string, number>();
  for (const { state, silentForMs } of instances) {
    const shown = silentForMs === null ? state : 'silent';
    counts.set(shown, (counts.get(shown) ?? 0) + 1);
  }
  const parts = [...counts].map(([state, count]) => `${count} ${state}`);
  return parts.length === 0 ? 'none' : `${instances.length}: ${parts.join(', ')}`;
}

function describeWork(report: ProcessReport): string {
  const { recordsLeft, kafkaLag, oldestMs, recordsPerSecond, etaMs, lost } = report;
  if (recordsLeft === null) return 'unknown: Kafka knows no such topic or group';
  const parts = [
    `${recordsLeft} records`,
    // Both only where they differ: the others are done already (docs/which-lag.md).
    ...(kafkaLag === null || kafkaLag === recordsLeft ? [] : [`Kafka's own lag ${kafkaLag}`]),
    ...(oldestMs === null ? [] : [`the oldest has waited ${writeDuration(oldestMs)}`]),
    `${recordsPerSecond} records/s`,
    ...itemRate(report),
    // While something keeps it from working, no end can be predicted.
    ...(recordsLeft === 0 || !report.isMoving
      ? []
      : [etaMs === null ? 'no end in sight' : `done in about ${writeDuration(etaMs)}`]),
    ...(lost === null || lost === 0
      ? []
      : [`${lost} LOST: deleted by retention before they were handled`]),
  ];
  return parts.join(', ');
}

const itemRate = ({ work }: ProcessReport): string[] =>
  work === null || work.perSecond === 0 ? [] : [`${itemsText(work.perSecond)} ${work.unit}/s`];

/** Of a producer: how much is left at the source of the work. */
function describeWhole({ work, wholeEtaMs }: ProcessReport): string[] {
  if (work === null || work.inDatabase === null) return [];
  const { unit, inDatabase, isEstimate, dueForMs, inFlight } = work;
  const due =
    unit === 'builds' ? 'stale builds found by the last pass' : `${unit} due in the database`;
  const parts = [
    `${isEstimate ? 'about ' : ''}${itemsText(inDatabase)} ${due}`,
    ...(dueForMs === null ? [] : [`the first since ${writeDuration(dueForMs)}`]),
    ...(inFlight === 0 ? [] : [`${itemsText(inFlight)} in flight`]),
    ...(inDatabase + inFlight === 0 || unit === 'builds' ? [] : [endOf(wholeEtaMs)]),
  ];
  return [parts.join(', ')];
}

const endOf = (etaMs: number | null): string =>
  etaMs === null ? 'no end in sight' : `all of it done in about ${writeDuration(etaMs)}`;
