/** Decides whether /readyz is green, and lists what waits. Pure. */
import type { ConsumerState } from '../runtime/consumer';
import { brief, consumerWaits } from '../runtime/consumer-waits';
import type { Trouble } from '../process/troubles';

export type Phase = 'starting' | 'working' | 'stopping';

export interface Observation {
  readonly phase: Phase;
  /** Null while there is none. */
  readonly consumer: { readonly state: ConsumerState; readonly ready: boolean } | null;
  /** Failures of work beside the consumer. */
  readonly troubles: readonly Trouble[];
  /** A stall counts from this length on. */
  readonly stallRedMs: number;
}

export interface Readiness {
  readonly ready: boolean;
  readonly phase: Phase;
  /** Why it is not ready, one sentence for each reason; empty when it is. */
  readonly causes: readonly string[];
  /** What partitions and sweeps wait for; no reason to be unready. */
  readonly held: readonly string[];
}

/** A wait for a dependency counts as ready. */
export function readinessOf(observation: Observation): Readiness {
  const { phase } = observation;
  const causes = phase === 'working' ? causesOf(observation) : [`the process is ${phase}`];
  const state = observation.consumer?.state;
  const waits = [
    ...(state ? consumerWaits(state) : []),
    ...observation.troubles.flatMap(({ isStuck, cause }) => (isStuck ? [] : brief(cause))),
  ];
  return { ready: causes.length === 0, phase, causes, held: [...new Set(waits)] };
}

function causesOf({ consumer, troubles, stallRedMs }: Observation): string[] {
  if (consumer === null) return ['the consumer has not been started'];
  const { state, ready } = consumer;
  const causes = state.joined
    ? []
    : ['not a member of the group: joining, or Kafka is unavailable'];
  for (const { topic, partition, halts } of state.partitions) {
    for (const halt of halts) {
      causes.push(brief(`${topic}/${partition} is halted: ${halt}`));
    }
  }
  // Several shards may fail for one reason, which is listed once.
  const stuck = troubles.flatMap(({ isStuck, cause }) => (isStuck ? brief(cause) : []));
  causes.push(...new Set(stuck));
  if (state.stalledMs >= stallRedMs) {
    const seconds = Math.floor(state.stalledMs / 1_000);
    causes.push(brief(`${state.stalledBy ?? 'the consumer stands'} (for ${seconds} s)`));
  }
  if (!ready && causes.length === 0) causes.push('the consumer cannot go on');
  return causes;
}
