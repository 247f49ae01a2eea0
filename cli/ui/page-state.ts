/** The whole state that the page shows, made of one round of reading. Pure. */
import { doneOf } from '../../lib/control/work-left';
import type { Captured } from './capture';
import type { FailedTopic } from './failed-topic';
import type { Rates } from './rates';
import type { Severity } from './shown-instance';
import { shownProcess, type ProcessReading, type ShownProcess } from './shown-process';

export interface Reading {
  readonly atMs: number;
  readonly processes: readonly ProcessReading[];
  readonly failed: readonly FailedTopic[];
  readonly captured: Captured;
  /** What could not be read, each as a sentence. */
  readonly problems: readonly string[];
}

interface ShownRedis {
  readonly name: string;
  readonly usedBytes: number;
  readonly maxBytes: number | null;
  readonly fullInMs: number | null;
}

interface ShownFreed {
  readonly process: string;
  /** Since its live instances were started. */
  readonly bytes: number;
  readonly perSecond: number | null;
}

export interface PageState {
  readonly atMs: number;
  readonly processes: readonly ShownProcess[];
  /** By the arrow's name: records or items a second; null while unknown. */
  readonly arrows: Readonly<Record<string, number | null>>;
  /** By the node's name. */
  readonly nodes: Readonly<Record<string, Severity>>;
  readonly failed: readonly FailedTopic[];
  readonly captured: Captured;
  readonly redis: readonly ShownRedis[];
  readonly redisGuards: readonly string[];
  /** Of each consumer that reports it. */
  readonly freed: readonly ShownFreed[];
  readonly problems: readonly string[];
}

const inOf = (process: string): string => `in/${process}`;
const freedName = (process: string): string => `freed/${process}`;
const doneName = (process: string): string => `done/${process}`;

/** Counters for the rates: how much came to each process's topic, and how much of it is done. */
export function countersOf({ processes }: Reading): Record<string, number> {
  const counters: Record<string, number> = {};
  for (const { report, partitions } of processes) {
    const freed = report.work?.bytesFreed ?? null;
    if (freed !== null) counters[freedName(report.process)] = freed;
    const [first] = partitions;
    if (first === undefined) continue;
    const main = partitions.filter(({ topic }) => topic === first.topic);
    counters[inOf(report.process)] = main.reduce((total, { logEnd }) => total + logEnd, 0);
    counters[doneName(report.process)] = main.reduce((total, one) => total + doneOf(one), 0);
  }
  return counters;
}

export function pageStateOf(reading: Reading, rates: Rates, namespace: string): PageState {
  const { atMs, failed, captured, problems } = reading;
  const processes = reading.processes.map((one) => shownProcess(one, { nowMs: atMs, namespace }));
  return {
    ...{ atMs, processes, failed, captured, problems },
    arrows: arrowsOf(reading, rates),
    nodes: {
      ...Object.fromEntries(processes.map(({ process, severity }) => [process, severity])),
      connect: captureSeverity(captured, atMs),
    },
    ...redisOf(reading),
    freed: freedOf(reading, rates),
  };
}

function arrowsOf({ processes }: Reading, rates: Rates): Record<string, number | null> {
  return Object.fromEntries(
    processes.flatMap(({ report: { process, work } }) => [
      [inOf(process), rates.perSecond(inOf(process))],
      [doneName(process), rates.perSecond(doneName(process))],
      [`items/${process}`, work === null ? null : work.perSecond],
    ]),
  );
}

function freedOf({ processes }: Reading, rates: Rates): ShownFreed[] {
  return processes.flatMap(({ report: { process, work } }) => {
    const bytes = work?.bytesFreed ?? null;
    return bytes === null
      ? []
      : [{ process, bytes, perSecond: rates.perSecond(freedName(process)) }];
  });
}

/** The connector writes a heartbeat every few seconds, also while nothing changes. */
const heartbeatLateMs = 60_000;

export function captureSeverity({ heartbeatAtMs }: Captured, nowMs: number): Severity {
  if (heartbeatAtMs === null) return 'off';
  return nowMs - heartbeatAtMs > heartbeatLateMs ? 'bad' : 'good';
}

/** From the latest report of each server; a silent instance knows nothing. */
function redisOf({ processes }: Reading): Pick<PageState, 'redis' | 'redisGuards'> {
  const live = processes
    .flatMap(({ report }) => report.instances)
    .filter(({ silentForMs }) => silentForMs === null)
    .toSorted((a, b) => a.atMs - b.atMs);
  const rooms = live.flatMap(({ redisRooms }) => redisRooms);
  return {
    redis: [...new Map(rooms.map((room) => [room.name, room])).values()],
    redisGuards: [...new Set(live.flatMap(({ redisGuard }) => redisGuard ?? []))],
  };
}

/** What the curves show of one moment. */
export function curvesOf(state: PageState): Record<string, number | null> {
  const waiting = state.failed.filter(({ kind }) => kind === 'dead-letters');
  const used = state.redis.map(({ usedBytes }) => usedBytes);
  const rates = state.freed.flatMap(({ perSecond }) => perSecond ?? []);
  const { delayMs } = state.captured;
  return {
    ...Object.fromEntries(
      state.processes.flatMap(({ process, recordsLeft }) => [
        [`left/${process}`, recordsLeft],
        [`rate/${process}`, state.arrows[doneName(process)] ?? null],
      ]),
    ),
    deadLetters: waiting.length === 0 ? null : waiting.reduce((all, { count }) => all + count, 0),
    captureDelay: delayMs === null ? null : delayMs / 1_000,
    freed: rates.length === 0 ? null : rates.reduce((a, b) => a + b, 0),
    redisUsed: used.length === 0 ? null : used.reduce((a, b) => a + b, 0),
  };
}
