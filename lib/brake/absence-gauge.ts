/** How many of the ids that recent records named were already gone: many is a sign of a wrong database. */

const windowRecords = 100;
const absentShareMax = 0.2;
/** Ids that we deleted ourselves lately: a second record that names them finds nothing, rightly. */
const rememberedIdsMax = 200_000;

export class AbsenceGauge {
  readonly #window: { readonly asked: number; readonly absent: number }[] = [];
  #asked = 0;
  #absent = 0;
  #deleted = new Set<number>();
  #deletedBefore = new Set<number>();

  /** Ids whose rows this process has deleted: their absence needs no other explanation. */
  rememberDeleted(ids: Iterable<number>): void {
    for (const id of ids) this.#deleted.add(id);
    if (this.#deleted.size < rememberedIdsMax / 2) return;
    this.#deletedBefore = this.#deleted;
    this.#deleted = new Set();
  }

  wasDeletedHere(id: number): boolean {
    return this.#deleted.has(id) || this.#deletedBefore.has(id);
  }

  /** One record that was read for the first time. */
  add(asked: number, absent: number): void {
    this.#window.push({ asked, absent });
    this.#asked += asked;
    this.#absent += absent;
    if (this.#window.length <= windowRecords) return;
    const oldest = this.#window.shift();
    this.#asked -= oldest?.asked ?? 0;
    this.#absent -= oldest?.absent ?? 0;
  }

  /** Says nothing before the window is full: a single deleted project would look like a disaster. */
  tooMany(): string | undefined {
    if (this.#window.length < windowRecords || this.#absent <= this.#asked * absentShareMax) {
      return undefined;
    }
    return `${this.#absent} of the ${this.#asked} artifacts in the last ${windowRecords} records were not in the database, over 20 %. Nothing is deleted until this is found to be the right database and \`afterbuild accept-database --reason "…" --yes\` says so.`;
  }

  reset(): void {
    this.#window.length = 0;
    this.#asked = 0;
    this.#absent = 0;
  }
}
