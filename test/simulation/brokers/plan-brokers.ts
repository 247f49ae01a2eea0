/**
 * Plans the faults of several brokers. Drawn from a source of its own, so that all other seeds stay unchanged. Faults
 * that the one-broker seeds cover already (unavailable stores) are left to them.
 */
import { planOfOneBroker, type Fault, type Plan } from '../plan';
import { SeededRandom } from '../random';
import { nodeIds } from './brokers';
import {
  brokerFaultKinds,
  type BrokerFault,
  type BrokerFaultKind,
  type SeveralBrokers,
} from './faults-of-brokers';

/** So many of the seeds, roughly. */
const share = 0.3;
/** One read of the log, the watch, and time for both to fail once. */
const muteMs = 22_000;
const notHere = new Set<Fault['kind']>([
  'store away',
  'registry away',
  'letters away',
  'broker away',
]);

export const planOf = (seed: number): Plan => onBrokers(planOfOneBroker(seed));

/** The same plan on several brokers, or unchanged. */
function onBrokers(plan: Plan): Plan {
  const random = new SeededRandom(plan.seed ^ 0xb20_c3a);
  if (!random.chance(share)) return plan;
  const isMute = random.chance(0.25);
  const quietAtMs = Math.max(plan.quietAtMs, isMute ? 40_000 : random.int(12_000, 24_000));
  const kinds = brokerFaultKinds.filter(() => random.chance(0.4));
  const brokers: SeveralBrokers = {
    electionMs: random.pick([200, 1_500]),
    spreadMs: random.pick([20, 400]),
    loadMs: random.pick([0, 500]),
    faults: [
      ...planFaults(random, kinds, quietAtMs),
      ...(isMute ? [planFault(random, 'fetches bring nothing', 10_000, muteMs)] : []),
    ],
    staysAway: random.pick([null, 'dies', 'freezes']),
  };
  return {
    ...plan,
    brokers,
    slots: Math.min(3, plan.slots),
    startsAtMs: plan.startsAtMs.slice(0, 3),
    quietAtMs,
    settings: { ...plan.settings, fetchWaitMs: 250 },
    leftOvers: 0,
    faults: plan.faults
      .filter(({ kind }) => !notHere.has(kind))
      .map((fault) => ({ ...fault, slot: fault.slot % Math.min(3, plan.slots) })),
  };
}

function planFaults(
  random: SeededRandom,
  kinds: readonly BrokerFaultKind[],
  quietAtMs: number,
): BrokerFault[] {
  if (kinds.length === 0) return [];
  return Array.from({ length: random.int(1, 8) }, () => {
    const atMs = random.between(0, quietAtMs * 0.9);
    const forMs = Math.min(random.pick([300, 1_500, 5_000, 9_000]), quietAtMs - atMs);
    return planFault(random, random.pick(kinds), atMs, forMs);
  });
}

const planFault = (
  random: SeededRandom,
  kind: BrokerFaultKind,
  atMs: number,
  forMs: number,
): BrokerFault => ({
  ...{ kind, atMs, forMs },
  node: random.pick(nodeIds),
  pick: random.int(0, 1_000),
});
