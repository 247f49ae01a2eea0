/**
 * Remembers which waiting or left traces were logged: every sweep brings them again, and an unchanged reason is no
 * news.
 */
const keptMax = 10_000;

export class LoggedNotes {
  readonly #reasons = new Map<string, string>();

  /** @returns whether it is logged for the first time, or for another reason than the last time. */
  isNews(partitionId: number, buildId: number, reason: string): boolean {
    const build = `${partitionId}:${buildId}`;
    // Bytes, sizes and times differ at every read.
    const kind = reason.replace(/[0-9]+/g, '0');
    const known = this.#reasons.get(build);
    // The one logged longest ago is forgotten first.
    this.#reasons.delete(build);
    this.#reasons.set(build, kind);
    if (this.#reasons.size > keptMax) {
      for (const oldest of this.#reasons.keys()) {
        this.#reasons.delete(oldest);
        break;
      }
    }
    return known !== kind;
  }
}
