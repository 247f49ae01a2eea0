/** Shows traces that wait while their data has an end: on `/readyz`, in `afterbuild status`, as metrics. */
import { showWaitingTraces } from '../../lib/metrics/effects';
import type { Metrics } from '../../lib/metrics/metrics';
import type { Clock } from '../../lib/process/clock';
import type { Troubles } from '../../lib/process/troubles';
import type { BuildAddress, EndingTraces } from './ports';

interface Ending {
  readonly buildId: number;
  readonly endsAtMs: number;
  readonly reason: string;
  readonly isKept: boolean;
  readonly seenAtMs: number;
}

/** The stale sweep names a waiting trace every few minutes; another instance may have it now. */
const forgottenAfterMs = 24 * 3_600_000;
/** Of further ones only the number would grow. */
const rememberedMax = 10_000;

const hours = (ms: number): string => `${Math.max(0, ms / 3_600_000).toFixed(1)} h`;

export class ShownEndingTraces implements EndingTraces {
  readonly #traces = new Map<string, Ending>();
  readonly #troubles: Troubles;
  readonly #clock: Clock;

  /** @param clock the one by which `endsAtMs` is given. */
  constructor(options: { troubles: Troubles; metrics: Metrics; clock: Clock }) {
    this.#troubles = options.troubles;
    this.#clock = options.clock;
    showWaitingTraces(options.metrics, () => {
      const traces = this.#current();
      const [first] = traces;
      const endsInMs = first ? first.endsAtMs - this.#clock.nowMs() : null;
      return { count: traces.length, endsInMs };
    });
  }

  waits(
    { partitionId, buildId }: BuildAddress,
    ending: { endsAtMs: number; reason: string; isKept: boolean },
  ): void {
    const name = `${partitionId}:${buildId}`;
    if (this.#traces.size >= rememberedMax && !this.#traces.has(name)) return;
    this.#traces.set(name, { buildId, seenAtMs: this.#clock.nowMs(), ...ending });
    this.#show();
  }

  over({ partitionId, buildId }: BuildAddress): void {
    if (this.#traces.delete(`${partitionId}:${buildId}`)) this.#show();
  }

  /** Those that end first come first. */
  #current(): Ending[] {
    const nowMs = this.#clock.nowMs();
    for (const [name, { endsAtMs, seenAtMs }] of this.#traces) {
      if (endsAtMs < nowMs || seenAtMs + forgottenAfterMs < nowMs) this.#traces.delete(name);
    }
    return [...this.#traces.values()].toSorted((a, b) => a.endsAtMs - b.endsAtMs);
  }

  /** Readiness turns red only for a trace that an operator must save. */
  #show(): void {
    const traces = this.#current();
    const lost = traces.find(({ isKept }) => !isKept);
    const first = lost ?? traces[0];
    if (!first) {
      this.#troubles.end(this);
      return;
    }
    const left = hours(first.endsAtMs - this.#clock.nowMs());
    const what = lost
      ? `Redis drops the trace of build ${first.buildId} in ${left}, and it cannot be archived`
      : `${traces.length} traces wait; the first data that Redis would drop is that of build ${first.buildId}, in ${left}`;
    this.#troubles.set(this, { cause: `${what}: ${first.reason}`, isStuck: lost !== undefined });
  }
}
