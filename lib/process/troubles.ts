/**
 * What a process keeps trying beside its consumer, and why it fails, for as long as it does. Whoever
 * repeats says so here: readiness and `afterbuild status` read it, so that nothing fails for ever unseen.
 */
export interface Trouble {
  /** What fails, or is waited for, and why, in a sentence. */
  readonly cause: string;
  /** No server that is away and no database that is held: a person has to look. */
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

  /** @param of whoever fails; what it had said before is replaced. */
  set(of: object, trouble: Trouble): void {
    this.#current.set(of, trouble);
  }

  end(of: object): void {
    this.#current.delete(of);
  }
}
