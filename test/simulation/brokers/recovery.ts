/**
 * Checks recovery: records keep coming after the last fault, and every process has to be a member and to commit again,
 * soon.
 */
import type { Instance } from '../instance';
import type { World } from '../world';

const everyMs = 400;
const lookEveryMs = 50;

export class Recovery {
  readonly #world: World;
  readonly #sinceMs: number;
  #isOver = false;
  #lookedAtMs = -Infinity;

  constructor(world: World) {
    this.#world = world;
    this.#sinceMs = world.time.nowMs;
    this.#trickle();
  }

  /**
   * The allowed time: a session, a rebalance that has to wait for a lost member, a few seconds. A call that hangs is a
   * fault that ends with its process, a progress deadline after it began.
   */
  get limitMs(): number {
    const { settings, store } = this.#world.plan;
    const hangMs = store.hangs > 0 ? settings.progressDeadlineMs : 0;
    return settings.sessionTimeoutMs + settings.rebalanceTimeoutMs + 3_000 + hangMs;
  }

  isOf(processes: readonly (Instance | null)[]): boolean {
    const { nowMs } = this.#world.time;
    if (nowMs - this.#lookedAtMs < lookEveryMs) return false;
    this.#lookedAtMs = nowMs;
    return processes.every((one) => one !== null && this.#isBack(one));
  }

  end(): void {
    this.#isOver = true;
  }

  #isBack({ host, client, runtime }: Instance): boolean {
    if (!client.isSettled || !client.mayBegin() || client.provedAtMs < this.#sinceMs) return false;
    const { partitions, membership } = runtime.state();
    const isWaiting = partitions.some(
      ({ intakeHold }) => intakeHold === 'draining' || intakeHold === 'loading',
    );
    if (isWaiting) return false;
    if (!partitions.some(({ topic }) => topic === 'things')) return true;
    const { lastAcceptedCommitMs } = membership;
    const agoMs = host.nowMs() - (lastAcceptedCommitMs ?? -Infinity);
    return agoMs < this.#world.time.nowMs - this.#sinceMs;
  }

  #trickle(): void {
    if (this.#isOver) return;
    for (const log of this.#world.broker.logs.values()) {
      if (log.at.topic !== 'things') continue;
      log.append({ key: null, value: Buffer.alloc(1), timestampMs: 0 });
    }
    this.#world.time.after(everyMs, () => this.#trickle());
  }
}
