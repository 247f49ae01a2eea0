/** What has been told of traces that wait or are left: every sweep brings them again, and their reason is no news. */
const keptMax = 10_000;

export class ToldNotes {
  readonly #reasons = new Map<string, string>();

  /** @returns whether it is told for the first time, or for another reason than the last time. */
  isNews(partitionId: number, buildId: number, reason: string): boolean {
    const build = `${partitionId}:${buildId}`;
    // Bytes, sizes and times differ at every look.
    const kind = reason.replace(/[0-9]+/g, '0');
    const known = this.#reasons.get(build);
    // The longest untold is forgotten first.
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
