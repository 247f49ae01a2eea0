/** What an instance is doing, and why: derived from the state of its consumer, its troubles and its flags. Pure. */
import type { ConsumerState, PartitionState } from '../runtime/consumer';
import { consumerWaits } from '../runtime/consumer-waits';
import type { OddRows } from '../metrics/set-aside';
import type { Trouble } from '../process/troubles';
import type { BreakerStatus, InstanceStatus, SourceWork } from '../../schemas/generated';
import type { Effective, FlagInForce } from './flags';

export const instanceStates = [
  'joining',
  'idle',
  'working',
  'paused',
  'dry-run',
  'held',
  'stalled',
  'halted',
] as const;
export type InstanceState = (typeof instanceStates)[number];

/** So short a time without progress does not count. */
const stalledAfterMs = 30_000;

interface Observed {
  readonly consumer: ConsumerState;
  /** Failures of work beside the consumer. */
  readonly troubles: readonly Trouble[];
  /** Rows that it cannot handle. */
  readonly setAside: readonly OddRows[];
  /** How much is left at the source of the work. */
  readonly work: SourceWork | null;
  readonly effective: Effective;
  readonly flags: readonly FlagInForce[];
  readonly redis?: RedisView;
}

/** Of a process that has live chunks in Redis; null for the others. */
export type RedisView = Pick<InstanceStatus, 'redisRooms' | 'redisGuard'>;
const withoutRedis: RedisView = { redisRooms: [], redisGuard: null };

interface Described {
  readonly state: InstanceState;
  /** The first of them. */
  readonly cause: string | null;
  readonly causes: string[];
}

const withoutCause = (state: InstanceState): Described => ({ state, cause: null, causes: [] });

const causesMax = 10;

/** Each reason once: a partition names the dependency before it, the breaker does not. */
function caused(state: InstanceState, all: readonly string[]): Described {
  const isSaid = (one: string): boolean => all.some((other) => one.endsWith(`: ${other}`));
  const causes = [...new Set(all.filter((one) => !isSaid(one)).map(brief))].slice(0, causesMax);
  return { state, cause: causes[0] ?? null, causes };
}

/** The first that holds: a state that needs an operator comes before one that passes by itself. */
export function describeState({ consumer, troubles, effective }: Observed): Described {
  const { partitions, breakers, joined } = consumer;
  const stuck = troubles.filter(({ isStuck }) => isStuck).map(({ cause }) => cause);
  const halts = [...partitions.flatMap((one) => one.halts), ...stuck];
  if (halts.length > 0) return caused('halted', halts);
  if (!joined) return withoutCause('joining');
  if (effective.paused) return withoutCause('paused');
  if (effective.dryRun) return withoutCause('dry-run');
  const { stalledMs, stalledBy } = consumer;
  if (stalledBy !== null && stalledMs >= stalledAfterMs) return caused('stalled', [stalledBy]);
  const held = [
    ...breakers.map(({ cause }) => cause),
    ...consumerWaits(consumer),
    // A producer that keeps its pace is working: its status says what it waits for.
    ...troubles.filter(({ isPace }) => isPace !== true).map(({ cause }) => cause),
  ];
  if (held.length > 0) return caused('held', held);
  return withoutCause(partitions.some(hasWork) ? 'working' : 'idle');
}

/** Records that are not fetched count too, up to the end of the readable log. */
const hasWork = ({
  doneBelow,
  taken,
  logEnd,
  highWatermark,
  bufferedRecords,
}: PartitionState): boolean =>
  bufferedRecords > 0 ||
  doneBelow === null ||
  doneBelow < Math.max(logEnd ?? highWatermark ?? 0, taken ?? 0);

const causeMax = 500;
const brief = (text: string): string => (text.split('\n')[0] ?? '').slice(0, causeMax);

export interface Identity {
  readonly process: string;
  readonly instance: string;
  readonly startedAtMs: number;
  /** Full name of the topic of its work. */
  readonly work: string;
}

export function statusOf(
  observed: Observed,
  identity: Identity,
  at: { readonly nowMs: number; readonly sinceMs: number; readonly recordsPerSecond: number },
): InstanceStatus {
  const { consumer, flags, setAside, work, redis = withoutRedis } = observed;
  const { partitions, limit } = consumer;
  const { process, instance, startedAtMs, work: topic } = identity;
  return {
    ...{ process, instance, startedAtMs, ...describeState(observed) },
    atMs: at.nowMs,
    sinceMs: at.sinceMs,
    partitions: partitions.filter((one) => one.topic === topic).length,
    recordsPerSecond: at.recordsPerSecond,
    bufferedRecords: partitions.reduce((sum, one) => sum + one.bufferedRecords, 0),
    oldestRecordAtMs: oldestOf(partitions),
    concurrency: limit,
    breakers: consumer.breakers.map(breakerOf),
    flags: flags.map(({ name, value }) => `${name}=${value}`),
    setAside: setAside.map((rows) => ({ ...rows, ids: [...rows.ids] })),
    ...redis,
    work,
  };
}

function breakerOf(view: ConsumerState['breakers'][number]): BreakerStatus {
  const { dependency, state, sinceMs, nextProbeAtMs, cause } = view;
  return { dependency, state, sinceMs, nextProbeAtMs, cause: brief(cause) };
}

function oldestOf(partitions: readonly PartitionState[]): number | null {
  const times = partitions.flatMap(({ oldestTimestampMs }) => oldestTimestampMs ?? []);
  return times.length === 0 ? null : Math.min(...times);
}

/** How many records a second were finished, over the last reads. */
export class RateMeter {
  readonly #windowMs: number;
  #before = new Map<string, number>();
  #looks: { readonly atMs: number; readonly records: number }[] = [];

  constructor(windowMs = 15_000) {
    this.#windowMs = windowMs;
  }

  /** @param topic only its partitions count, and only while this process holds them. */
  look(partitions: readonly PartitionState[], topic: string, nowMs: number): number {
    const now = new Map<string, number>();
    let records = 0;
    for (const one of partitions) {
      if (one.topic !== topic || one.doneBelow === null) continue;
      const key = `${one.topic}/${one.partition}`;
      now.set(key, one.doneBelow);
      records += Math.max(0, one.doneBelow - (this.#before.get(key) ?? one.doneBelow));
    }
    this.#before = now;
    this.#looks = [...this.#looks, { atMs: nowMs, records }].filter(
      ({ atMs }) => atMs >= nowMs - this.#windowMs,
    );
    const [first, ...rest] = this.#looks;
    if (!first || rest.length === 0 || nowMs <= first.atMs) return 0;
    const sum = rest.reduce((total, look) => total + look.records, 0);
    return Math.round((10_000 * sum) / (nowMs - first.atMs)) / 10;
  }
}
