/**
 * A wait for progress of another process. Producers pace themselves like that, so it is not logged. When nothing has
 * moved for a while, it is listed among the troubles, so that readiness and status show what is waited for.
 */
import type { Clock } from './clock';
import type { Troubles } from './troubles';

const standsAfterMs = 60_000;

export class StandingWait {
  #mark: string | null = null;
  #sinceMs = 0;

  constructor(
    private readonly troubles: Troubles,
    private readonly clock: Clock,
  ) {}

  /** Called at each check. @param mark changes when the other process makes progress. @param cause as a sentence. */
  look(mark: string, cause: string): void {
    const nowMs = this.clock.nowMs();
    if (mark !== this.#mark) {
      this.end();
      this.#mark = mark;
      this.#sinceMs = nowMs;
    }
    if (nowMs - this.#sinceMs < standsAfterMs) return;
    this.troubles.set(this, { cause, isStuck: false, isPace: true });
  }

  end(): void {
    this.#mark = null;
    this.troubles.end(this);
  }
}
