/**
 * Remembers which builds this process has produced lately, in bounded memory. Pure.
 *
 * A build is updated several times after its end and each update is an event. Forgetting (by the bound, a restart, or
 * because another instance produced it) costs one more record of the same build, which the archiver finds done.
 */
export class RecentBuilds {
  readonly #keys = new Set<string>();

  constructor(private readonly max: number) {}

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Only once the record is acknowledged: a build that was not produced must not be dropped as a repeat. */
  add(key: string): void {
    this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size <= this.max) return;
    for (const oldest of this.#keys) {
      this.#keys.delete(oldest);
      return;
    }
  }
}
