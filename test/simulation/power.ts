/** Whether a process runs: up, frozen (SIGSTOP) or dead (SIGKILL); and the events that wait for it to wake. */
export abstract class Power {
  #state: 'up' | 'frozen' | 'dead' = 'up';
  #waiting: (() => void)[] = [];

  get state(): 'up' | 'frozen' | 'dead' {
    return this.#state;
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  /** Now, or when it wakes; a dead one never does it. */
  whenUp(act: () => void): void {
    if (this.#state === 'up') act();
    else if (this.#state === 'frozen') this.#waiting.push(act);
  }

  freeze(): void {
    if (this.#state === 'up') this.#state = 'frozen';
  }

  kill(): void {
    this.#state = 'dead';
    this.#waiting = [];
  }

  /** @returns the waiting events, in order; the caller gives each a turn of its own. */
  protected wake(): readonly (() => void)[] {
    this.#state = 'up';
    return this.#waiting.splice(0);
  }
}
