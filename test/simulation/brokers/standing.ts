/**
 * The truth for the stall detection: records lie in a log, its leader and the coordinator answer, no known reason holds
 * them, and no process takes them. Then the holder of the partition has to report a stall.
 */
import type { PartitionState } from '../../../lib/runtime/consumer';
import type { Instance } from '../instance';
import { keyOf } from '../simulated-broker';
import type { World } from '../world';

/** Two reads of the log, two of the watch, and a second for their answers. */
const toldAfterMs = 13_000;

interface Standing {
  readonly taken: number;
  readonly sinceMs: number;
}

export class StandingWork {
  readonly #world: World;
  readonly #standing = new WeakMap<Instance, Map<string, Standing>>();

  constructor(world: World) {
    this.#world = world;
  }

  look(instance: Instance): void {
    const { time, checks, brokers } = this.#world;
    if (!brokers) return;
    const before = this.#standing.get(instance);
    const now = new Map<string, Standing>();
    for (const [key, taken] of this.#untaken(instance)) {
      const known = before?.get(key);
      const isSame = known?.taken === taken;
      const standing = isSame ? known : { taken, sinceMs: time.nowMs };
      now.set(key, standing);
      if (time.nowMs - standing.sinceMs < toldAfterMs) continue;
      if (instance.runtime.state().stalledMs > 0) continue;
      checks.fail(
        `${key}@${taken} lies there, ${instance.host.name} does not take it, nor says so`,
      );
    }
    this.#standing.set(instance, now);
  }

  #untaken(instance: Instance): [string, number][] {
    if (!this.#isReached(instance)) return [];
    const { kafkaSilentBy, partitions } = instance.runtime.state();
    if (kafkaSilentBy !== null) return [];
    return partitions.flatMap((state): [string, number][] => {
      const { taken } = state;
      if (taken === null || !this.#isUntaken(state, taken)) return [];
      return [[keyOf(state), taken]];
    });
  }

  /** The coordinator runs, the process too, and they can reach each other. */
  #isReached({ host, client }: Instance): boolean {
    const { brokers } = this.#world;
    if (!brokers || brokers.isLoading || !brokers.coordinator.isUp) return false;
    return host.isUp && !host.isCutOff && client.isSettled;
  }

  #isUntaken({ logEnd, intakeHold, ...at }: PartitionState, taken: number): boolean {
    if (intakeHold !== null || logEnd === null) return false;
    const isLed = this.#world.brokers?.leaderOf(keyOf(at)).isUp === true;
    return isLed && this.#world.broker.log(at).end > taken;
  }
}
