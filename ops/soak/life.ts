/** The small GitLab's work, which can pause while its own servers are unavailable. */

/** Works until the signal aborts; then it resolves. */
type Living = (randomSeed: number, signal: AbortSignal) => Promise<void>;

export class Life {
  private randomSeed = 0;
  private cut = new AbortController();
  private living: Promise<void> = Promise.resolve();

  constructor(private readonly live: Living) {}

  begin(): void {
    this.randomSeed += 1;
    this.cut = new AbortController();
    this.living = this.live(this.randomSeed, this.cut.signal);
    // The caller that ends it gets its error; until then it is kept.
    this.living.catch(() => undefined);
  }

  /** Waits for the running step. @throws its error: GitLab's servers were available. */
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
