/** The report of a process as lines for a person. Pure. */
import { writeDuration } from '../lib/control/duration';
import type { InstanceReport, ProcessReport } from '../lib/control/status-report';
import { describeFlag } from './flags';
import { redisLinesOf } from './status-redis';

export function linesOf(report: ProcessReport, nowMs: number): string[] {
  const line = (title: string, text: string): string => `  ${title.padEnd(14)}${text}`;
  const isCaused = report.state === 'held' || report.state === 'stalled';
  const causes = isCaused ? causesOf(report.instances) : [];
  return [
    `${report.process.padEnd(18)}${report.sentence}`,
    ...causes.map((cause) => line('because', cause)),
    line('instances', describeInstances(report.instances)),
    line('work left', describeWork(report)),
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
    instances.flatMap(({ cause, silentForMs }) => (silentForMs === null ? (cause ?? []) : [])),
  ),
];

/** What the instances cannot handle, each row once: instances may have met the same one. */
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
  const { recordsLeft, oldestMs, recordsPerSecond, etaMs, lost } = report;
  if (recordsLeft === null) return 'unknown: Kafka knows no such topic or group';
  const parts = [
    `${recordsLeft} records`,
    ...(oldestMs === null ? [] : [`the oldest has waited ${writeDuration(oldestMs)}`]),
    `${recordsPerSecond} records/s`,
    ...(recordsLeft === 0
      ? []
      : [etaMs === null ? 'no end in sight' : `done in about ${writeDuration(etaMs)}`]),
    ...(lost === null || lost === 0
      ? []
      : [`${lost} LOST: deleted by retention before they were handled`]),
  ];
  return parts.join(', ');
}
