/** The small GitLab's life, which can pause while its own servers are away. */

/** Lives until the signal aborts; then it resolves. */
export type Living = (randomSeed: number, signal: AbortSignal) => Promise<void>;

export class Life {
  private randomSeed = 0;
  private cut = new AbortController();
  private living: Promise<void> = Promise.resolve();

  constructor(private readonly live: Living) {}

  begin(): void {
    this.randomSeed += 1;
    this.cut = new AbortController();
    this.living = this.live(this.randomSeed, this.cut.signal);
    // Whoever ends it learns of its error; until then nobody listens.
    this.living.catch(() => undefined);
  }

  /** Waits for the step that is under way. @throws what it failed with: GitLab's servers were there. */
  async end(): Promise<void> {
    this.cut.abort();
    await this.living;
  }

  async pauseFor(work: () => Promise<void>): Promise<void> {
    await this.end();
    await work();
    this.begin();
  }
}
