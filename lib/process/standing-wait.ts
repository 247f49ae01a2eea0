/**
 * A wait for another process to get on. That is how producers keep their pace, and nothing to tell; but once
 * nothing has moved for a while it stands among the troubles, so that whoever asks hears what is waited for.
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

  /** At each look. @param mark changes when what is waited for gets on. @param cause in a sentence. */
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
