/** How fast counters grow, from what was read of them within the last seconds. Pure. */

interface Look {
  readonly atMs: number;
  readonly counters: Readonly<Record<string, number>>;
}

const windowMs = 20_000;

export class Rates {
  #looks: readonly Look[] = [];

  /** @param counters that never fall, but for a topic that was made anew. */
  look(atMs: number, counters: Readonly<Record<string, number>>): void {
    const recent = this.#looks.filter((look) => look.atMs > atMs - windowMs && look.atMs < atMs);
    this.#looks = [...recent, { atMs, counters }];
  }

  /** A second, with one decimal; null until it was read twice. */
  perSecond(name: string): number | null {
    const known = this.#looks.filter(({ counters }) => counters[name] !== undefined);
    const [first, last] = [known[0], known.at(-1)];
    if (first === undefined || last === undefined || first === last) return null;
    const grown = (last.counters[name] ?? 0) - (first.counters[name] ?? 0);
    return Math.max(0, Math.round((10_000 * grown) / (last.atMs - first.atMs)) / 10);
  }
}
