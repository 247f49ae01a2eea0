/**
 * The ongoing failures of a process beside its consumer, each with its reason. Code that repeats after a failure
 * registers it here; readiness and `afterbuild status` read it, so that nothing fails for ever unseen.
 */
export interface Trouble {
  /** What fails, or is waited for, and why, as a sentence. */
  readonly cause: string;
  /** True when waiting does not end it: neither a server nor the brake is the reason, and an operator has to look. */
  readonly isStuck: boolean;
  /** A producer waits for its consumer, as it should. */
  readonly isPace?: boolean;
}

export class Troubles {
  readonly #current = new Map<object, Trouble>();

  /** In the order in which they began. */
  get current(): readonly Trouble[] {
    return [...this.#current.values()];
  }

  /** @param of the failing work; its earlier entry is replaced. */
  set(of: object, trouble: Trouble): void {
    this.#current.set(of, trouble);
  }

  end(of: object): void {
    this.#current.delete(of);
  }
}
