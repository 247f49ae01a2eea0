/**
 * What `afterbuild status` shows of a process: from the reports of its instances and from Kafka's own numbers. Pure.
 */
import type { BreakerStatus, InstanceStatus } from '../../schemas/generated';
import { writeDuration } from './duration';
import { itemsText, wholeEtaOf, wholeOf, type WholeWork } from './whole-work';
import type { FlagInForce } from './flags';
import type { WorkLeft } from './work-left';
import { instanceStates, type InstanceState } from './instance-status';
import { producerNames, type ProcessName } from '../process/processes';

const silentAfterMs = 45_000;

export interface Known {
  readonly process: ProcessName;
  readonly instances: readonly InstanceStatus[];
  /** Null where Kafka did not answer. */
  readonly work: WorkLeft | null;
  readonly deadLetters: number | null;
  /** The flags that apply to this process. */
  readonly flags: readonly FlagInForce[];
}

export interface InstanceReport extends InstanceStatus {
  /** For how long it has written no status, when that is too long; null while it does. */
  readonly silentForMs: number | null;
}

export interface ProcessReport {
  readonly process: ProcessName;
  /** `waiting`: records lie in Kafka that no instance has taken yet. */
  readonly state: InstanceState | 'silent' | 'not-running' | 'waiting';
  /** State and cause in one sentence. */
  readonly sentence: string;
  readonly recordsLeft: number | null;
  /** End of the log minus committed offset, as Kafka's own tools show it (docs/which-lag.md). */
  readonly kafkaLag: number | null;
  /** How long the oldest unfinished record has waited; a lower bound, where no instance has fetched it yet. */
  readonly oldestMs: number | null;
  readonly recordsPerSecond: number;
  readonly etaMs: number | null;
  readonly lost: number | null;
  readonly deadLetters: number | null;
  /** Nothing keeps it from working. */
  readonly isMoving: boolean;
  /** In artifacts or builds; null where no instance reports it. */
  readonly work: WholeWork | null;
  /** For a producer: when all due work is done, effects included. */
  readonly wholeEtaMs: number | null;
  readonly instances: readonly InstanceReport[];
  readonly flags: readonly FlagInForce[];
}

const moving: readonly ProcessReport['state'][] = ['working', 'waiting', 'idle', 'joining'];

/** Kafka did not answer. */
const unknownWork = { records: null, lost: null, kafkaLag: null };

/** @param consumer the consumer of what the process produces. */
export function reportOf(known: Known, nowMs: number, consumer?: ProcessReport): ProcessReport {
  const instances = known.instances.map((one) => ({
    ...one,
    silentForMs: nowMs - one.atMs > silentAfterMs ? nowMs - one.atMs : null,
  }));
  const live = instances.filter(({ silentForMs }) => silentForMs === null);
  const recordsPerSecond = live.reduce((sum, one) => sum + one.recordsPerSecond, 0);
  const { records: recordsLeft, lost, kafkaLag } = known.work ?? unknownWork;
  const times = live.flatMap(({ oldestRecordAtMs }) => oldestRecordAtMs ?? []);
  const figures = {
    recordsLeft,
    kafkaLag,
    oldestMs: times.length === 0 ? null : Math.max(0, nowMs - Math.min(...times)),
    recordsPerSecond: Math.round(recordsPerSecond * 10) / 10,
    lost,
    work: wholeOf(live, nowMs),
  };
  const state = withSource(stateOf(known, instances), figures.work);
  const sentence = sentenceOf(state, { known, instances, consumer, ...figures }, nowMs);
  const isMoving = moving.includes(state);
  const wholeEtaMs = wholeEtaOf(figures.work, consumer);
  const ends = {
    isMoving,
    etaMs: isMoving || recordsLeft === 0 ? etaOf(recordsLeft, recordsPerSecond) : null,
    wholeEtaMs: isMoving || wholeEtaMs === 0 ? wholeEtaMs : null,
  };
  const { process, deadLetters, flags } = known;
  return { process, state, sentence, ...figures, ...ends, deadLetters, instances, flags };
}

/** Lag does not show work that lies in the database, or that a consumer with enough to do keeps back. */
function withSource(state: ProcessReport['state'], work: WholeWork | null): ProcessReport['state'] {
  if (!['idle', 'working', 'waiting'].includes(state) || work === null) return state;
  if (work.waitsFor !== null) return 'waiting';
  const isSweeping = work.unit === 'artifacts' && (work.inDatabase ?? 0) > 0;
  return isSweeping && state === 'idle' ? 'working' : state;
}

const etaOf = (records: number | null, perSecond: number): number | null => {
  if (records === 0) return 0;
  return records === null || perSecond <= 0 ? null : Math.round((records / perSecond) * 1_000);
};

/** From the state that most needs an operator to the one that needs none. */
const byUrgency: readonly InstanceState[] = [
  'halted',
  'stalled',
  'paused',
  'dry-run',
  'held',
  'joining',
  'working',
  'idle',
];

function stateOf(known: Known, instances: readonly InstanceReport[]): ProcessReport['state'] {
  const live = instances.filter(({ silentForMs }) => silentForMs === null);
  if (instances.length === 0) return 'not-running';
  if (live.length === 0) return 'silent';
  const states = live.map(({ state }) => instanceStates.find((one) => one === state) ?? 'joining');
  if (states.includes('halted')) return 'halted';
  // The operator's decision, even in the moment before every instance follows it.
  if (known.flags.some(({ name }) => name === 'pause')) return 'paused';
  if (known.flags.some(({ name }) => name === 'dry-run')) return 'dry-run';
  return byLag(byUrgency.find((one) => states.includes(one)) ?? 'idle', known);
}

/** Each instance knows only of the partitions that it holds. */
const byLag = (state: InstanceState, { work }: Known): ProcessReport['state'] =>
  state === 'idle' && work !== null && work.records > 0 ? 'waiting' : state;

interface Facts {
  readonly known: Known;
  readonly instances: readonly InstanceReport[];
  readonly oldestMs: number | null;
  readonly recordsPerSecond: number;
  readonly lost: number | null;
  readonly work: WholeWork | null;
  readonly consumer: ProcessReport | undefined;
}

function sentenceOf(state: ProcessReport['state'], facts: Facts, nowMs: number): string {
  return sentences[state](facts, nowMs);
}

const sweeping: ReadonlySet<ProcessName> = new Set(producerNames);

const stands =
  (state: 'held' | 'stalled' | 'halted') =>
  (facts: Facts, nowMs: number): string =>
    [`${state}: ${causeOf(state, facts, nowMs)}`, ...waitingOf(facts)].join(', ');

const sentences: Readonly<Record<ProcessReport['state'], (facts: Facts, nowMs: number) => string>> =
  {
    'not-running': () => 'not running: no instance has been heard of',
    silent: ({ instances }) =>
      `silent: last heard ${writeDuration(Math.min(...instances.flatMap(({ silentForMs }) => silentForMs ?? [])))} ago`,
    joining: () => 'joining the group',
    idle: ({ known: { work, process } }) => {
      if (work === null) return 'idle by what its instances know; Kafka does not say what is left';
      // Lag does not show work that lies in the database.
      return sweeping.has(process)
        ? 'idle: no change is left, the sweep goes on'
        : 'idle: nothing is left to do';
    },
    waiting: (facts) => waitingFor(facts),
    working: ({ recordsPerSecond, work }) =>
      [`working: ${recordsPerSecond} records/s`, ...dueOf(work)].join(', '),
    paused: (facts, nowMs) => decidedBy('paused', 'pause', facts, nowMs),
    'dry-run': (facts, nowMs) => decidedBy('dry run', 'dry-run', facts, nowMs),
    held: stands('held'),
    stalled: stands('stalled'),
    halted: stands('halted'),
  };

/** `waiting: 12,000 artifacts are in flight, artifact-deleter is paused by anna: maintenance`. */
function waitingFor({ known, work, consumer }: Facts): string {
  if (work === null || work.waitsFor === null) {
    return `waiting: ${known.work?.records ?? 0} records lie in Kafka that no instance has taken yet`;
  }
  const inFlight =
    work.inFlight > 0
      ? `${itemsText(work.inFlight)} ${work.unit}`
      : `${itemsText(consumer?.recordsLeft ?? 0)} records`;
  const does = consumer === undefined ? 'makes no progress' : `is ${consumer.sentence}`;
  return `waiting: ${inFlight} are in flight, ${work.waitsFor} ${does}`;
}

const dueOf = (work: WholeWork | null): string[] =>
  work?.unit === 'artifacts' && (work.inDatabase ?? 0) > 0
    ? [`${itemsText(work.inDatabase ?? 0)} artifacts are due in the database`]
    : [];

/** `paused by anna: maintenance, for 1h20m more`. */
function decidedBy(
  what: string,
  name: FlagInForce['name'],
  { known, instances }: Facts,
  nowMs: number,
): string {
  const flag = known.flags.find((one) => one.name === name);
  if (flag === undefined) return `${what} by a flag that has just been taken back`;
  const { author, reason, value, expiresAtMs } = flag;
  const until = expiresAtMs === null ? '' : `, for ${writeDuration(expiresAtMs - nowMs)} more`;
  const live = instances.filter(({ silentForMs }) => silentForMs === null);
  const behind = live.filter(({ flags }) => !flags.includes(`${name}=${value}`)).length;
  const late = behind === 0 ? '' : ` (${behind} of ${live.length} instances do not follow yet)`;
  return `${what} by ${author}: ${reason}${until}${late}`;
}

const titles: Readonly<Record<string, string>> = {
  postgres: 'PostgreSQL breaker',
  redis: 'Redis breaker',
  s3: 'S3 breaker',
  registry: 'schema registry breaker',
  'dead-letters': 'dead-letter producer breaker',
  brake: 'brake',
};

function causeOf(
  state: 'held' | 'stalled' | 'halted',
  { instances }: Facts,
  nowMs: number,
): string {
  const live = instances.filter(({ silentForMs }) => silentForMs === null);
  const concerned = live.filter((one) => one.state === state);
  const longest = concerned
    .flatMap(({ breakers }) => breakers)
    .reduce<BreakerStatus | undefined>((a, b) => (a && a.sinceMs <= b.sinceMs ? a : b), undefined);
  const few =
    concerned.length < live.length ? ` (${concerned.length} of ${live.length} instances)` : '';
  if (state !== 'held' || !longest) {
    const causes = new Set(concerned.flatMap((one) => one.causes));
    const more = causes.size > 1 ? ` and ${causes.size - 1} more` : '';
    return `${concerned[0]?.cause ?? 'no cause is known'}${more}${few}`;
  }
  return `${describeBreaker(longest, nowMs)}${few}`;
}

function describeBreaker(breaker: BreakerStatus, nowMs: number): string {
  const { dependency, state, sinceMs, nextProbeAtMs } = breaker;
  const title = titles[dependency] ?? dependency;
  const probe =
    state === 'open' && nextProbeAtMs > nowMs
      ? `next probe ${writeDuration(nextProbeAtMs - nowMs)}`
      : 'probing now';
  return `${title} ${state} ${writeDuration(nowMs - sinceMs)}, ${probe}`;
}

const waitingOf = ({ oldestMs, lost }: Facts): string[] => [
  ...(oldestMs === null ? [] : [`oldest unfinished ${writeDuration(oldestMs)}`]),
  ...(lost === null ? [] : [`${lost} lost`]),
];
