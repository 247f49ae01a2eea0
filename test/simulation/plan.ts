/**
 * Makes a scenario from a seed: how many members and partitions, which limits, which records and which faults at which
 * time. Each kind of fault is in about half of the seeds, so that each also occurs alone.
 */
import { defaultSettings, type ConsumerSettings } from '../../lib/runtime/settings';
import type { SeveralBrokers } from './brokers/faults-of-brokers';
import { SeededRandom } from './random';
import type { NetworkPlan } from './simulated-broker';
import type { StorePlan } from './simulated-store';

const faultKinds = [
  'kill',
  'stop',
  'freeze',
  'cut off',
  'client crash',
  'client failure',
  'broker away',
  'store away',
  'registry away',
  'letters away',
] as const;
export const retryTopicOf = (level: number): string => `things.group.retry.${level}`;
const failurePartitions = 3;

type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  /** Which member, of those that are meant by their number. */
  readonly slot: number;
  /** How long it lasts, or until the process is started again. */
  readonly forMs: number;
}

interface Production {
  readonly atMs: number;
  readonly topic: string;
  readonly partition: number;
  readonly key: string | null;
  readonly bytes: number;
  /** Offsets that compaction has left empty before it, and whether a marker follows. */
  readonly gap: number;
  readonly marker: boolean;
  readonly isPoison: boolean;
}

export interface Plan {
  readonly seed: number;
  readonly slots: number;
  /** When each member is started. */
  readonly startsAtMs: readonly number[];
  /** When the last fault is over. */
  readonly quietAtMs: number;
  readonly topics: readonly { readonly topic: string; readonly everyMember: boolean }[];
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];
  readonly settings: ConsumerSettings;
  readonly subscription: {
    readonly maxRecords: number;
    readonly lanes: number;
    readonly lingerMs: number;
    readonly maxWeight?: number;
  };
  readonly network: NetworkPlan;
  readonly store: StorePlan;
  readonly registry: StorePlan;
  readonly asksRegistry: boolean;
  /** Null: everything is tried in place, without a limit. */
  readonly failures: {
    readonly retryDelaysMs: readonly number[];
    readonly hasDeadLetters: boolean;
  } | null;
  /** Within a key; a record that goes through a retry topic comes later. */
  readonly keepsOrder: boolean;
  readonly skipEvery: number;
  readonly fetchRecords: number;
  readonly recordBytes: number;
  readonly leftOvers: number;
  readonly skewsClocks: boolean;
  readonly stopMs: number;
  /** A handler may hang, or a client fail for good: then a process has to end itself. */
  readonly mayGiveUp: boolean;
  /** Null: there is one broker, and a client that is simulated as well. */
  readonly brokers: SeveralBrokers | null;
  readonly productions: readonly Production[];
  readonly faults: readonly Fault[];
}

export function planOfOneBroker(seed: number): Plan {
  const random = new SeededRandom(seed);
  const slots = random.int(1, 4);
  const quietAtMs = random.int(5_000, 25_000);
  const kinds = faultKinds.filter(() => random.chance(0.4));
  const hangs = random.chance(0.1) ? 0.003 : 0;
  const partitions = planPartitions(random);
  const poison = random.pick([0, 0.02, 0.2]);
  const recordBytes = random.pick([10, 200, 2_000]);
  const flow = planFlow(random, recordBytes);
  const failures = planFailures(random);
  return {
    seed,
    slots,
    startsAtMs: Array.from({ length: slots }, () => random.int(0, quietAtMs / 5)),
    quietAtMs,
    ...withFailureTopics(partitions, failures),
    settings: planSettings(random, flow),
    subscription: planSubscription(random, recordBytes),
    network: planNetwork(random),
    store: planStore(random, hangs),
    registry: planStore(random, 0),
    asksRegistry: random.chance(0.3),
    failures,
    keepsOrder: (failures?.retryDelaysMs.length ?? 0) === 0,
    skipEvery: random.pick([7, Infinity]),
    fetchRecords: random.pick([3, 20, 100]),
    recordBytes,
    leftOvers: random.pick([0, 0, 0.1]),
    skewsClocks: random.chance(0.3),
    stopMs: random.pick([1_000, 8_000]),
    brokers: null,
    mayGiveUp: hangs > 0 || kinds.includes('client failure'),
    productions: planProductions(random, partitions.partitions, quietAtMs, recordBytes).map(
      (one) => ({
        ...one,
        isPoison:
          failures?.hasDeadLetters === true && one.topic === 'things' && random.chance(poison),
      }),
    ),
    faults: planFaults(random, kinds, slots, quietAtMs),
  };
}

function planPartitions(random: SeededRandom): Pick<Plan, 'topics' | 'partitions'> {
  const things = Array.from({ length: random.int(1, 5) }, (_, partition) => ({
    topic: 'things',
    partition,
  }));
  const work = { topic: 'things', everyMember: false };
  if (!random.chance(0.25)) return { topics: [work], partitions: things };
  const state = { topic: 'state', everyMember: random.chance(0.5) };
  return { topics: [work, state], partitions: [...things, { topic: 'state', partition: 0 }] };
}

function planFailures(random: SeededRandom): Plan['failures'] {
  if (random.chance(0.3)) return null;
  const retryDelaysMs = random.pick([[], [500], [200, 3_000]]);
  return { retryDelaysMs, hasDeadLetters: random.chance(0.6) };
}

function withFailureTopics(
  { topics, partitions }: Pick<Plan, 'topics' | 'partitions'>,
  failures: Plan['failures'],
): Pick<Plan, 'topics' | 'partitions'> {
  const retryTopics = (failures?.retryDelaysMs ?? []).map((_, level) => retryTopicOf(level));
  const added = retryTopics.flatMap((topic) =>
    Array.from({ length: failurePartitions }, (_, partition) => ({ topic, partition })),
  );
  return {
    topics: [...topics, ...retryTopics.map((topic) => ({ topic, everyMember: false }))],
    partitions: [...partitions, ...added],
  };
}

type Flow = Pick<
  ConsumerSettings,
  'partitionBufferRecords' | 'partitionBufferBytes' | 'processBufferBytes' | 'windowRecords'
>;

function planFlow(random: SeededRandom, recordBytes: number): Flow {
  const bytes = recordBytes + 128;
  return {
    partitionBufferRecords: random.pick([4, 30, 10_000]),
    partitionBufferBytes: bytes * random.pick([4, 50, 10_000]),
    processBufferBytes: bytes * random.pick([8, 100, 50_000]),
    windowRecords: random.pick([5, 40, 20_000]),
  };
}

function planSettings(random: SeededRandom, flow: Flow): ConsumerSettings {
  return {
    ...defaultSettings,
    ...flow,
    concurrency: random.int(1, 8),
    commitEveryMs: random.pick([50, 100, 400]),
    retryFirstMs: random.int(10, 100),
    retryMaxMs: random.int(200, 1_000),
    triesInPlace: random.int(1, 4),
    failureRunMax: 1_000,
    roomWaitMs: 20,
    drainMs: random.int(300, 2_000),
    sessionTimeoutMs: 3_000,
    rebalanceTimeoutMs: 4_000,
    heartbeatEveryMs: random.pick([300, 1_000]),
    fetchWaitMs: random.pick([50, 250]),
    progressDeadlineMs: 15_000,
  };
}

function planSubscription(random: SeededRandom, recordBytes: number): Plan['subscription'] {
  const maxWeight = random.pick([undefined, recordBytes, recordBytes * 5]);
  return {
    maxRecords: random.pick([1, 4, 20]),
    lanes: random.pick([1, 3, 8]),
    lingerMs: random.pick([0, 0, 30]),
    ...(maxWeight === undefined ? {} : { maxWeight }),
  };
}

function planNetwork(random: SeededRandom): NetworkPlan {
  return {
    latencyMs: random.pick([1, 10, 40]),
    spikeMs: 900,
    spikes: random.pick([0, 0, 0.02]),
    losses: random.pick([0, 0, 0.01, 0.05]),
    timeoutMs: random.pick([500, 2_500]),
  };
}

function planStore(random: SeededRandom, hangs: number): StorePlan {
  return {
    latencyMs: random.pick([1, 20, 100]),
    slow: random.pick([0, 0.02, 0.1]),
    slowMs: random.pick([300, 2_500]),
    failures: random.pick([0, 0, 0.1]),
    halfFailures: random.pick([0, 0, 0.2]),
    lostAnswers: random.pick([0, 0, 0.05]),
    hangs,
    timeoutMs: random.pick([200, 1_500]),
  };
}

function planProductions(
  random: SeededRandom,
  partitions: Plan['partitions'],
  quietAtMs: number,
  recordBytes: number,
): Omit<Production, 'isPoison'>[] {
  const count = random.pick([20, 80, 250]);
  const keys = random.pick([1, 4, 40]);
  const [gaps, markers] = [random.chance(0.3), random.chance(0.3)];
  const isBacklog = random.chance(0.4);
  const productions = Array.from({ length: count }, () => ({
    atMs: isBacklog && random.chance(0.8) ? 0 : random.between(0, quietAtMs),
    ...random.pick(partitions),
    key: random.chance(0.1) ? null : `key-${random.int(1, keys)}`,
    bytes: random.int(1, recordBytes),
    gap: gaps && random.chance(0.1) ? random.pick([1, 3, 30, 3_000]) : 0,
    marker: markers && random.chance(0.2),
  }));
  return productions.sort((a, b) => a.atMs - b.atMs);
}

/** Most are short; some outlast a session, and those do harm. */
function planFaults(
  random: SeededRandom,
  kinds: readonly FaultKind[],
  slots: number,
  quietAtMs: number,
): Fault[] {
  if (kinds.length === 0) return [];
  return Array.from({ length: random.int(1, 8) }, () => {
    const atMs = random.between(0, quietAtMs * 0.9);
    const forMs = Math.min(random.pick([100, 1_000, 5_000, 9_000]), quietAtMs - atMs);
    return { kind: random.pick(kinds), atMs, slot: random.int(0, slots - 1), forMs };
  });
}
