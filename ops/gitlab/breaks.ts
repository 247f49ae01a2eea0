/** Collects the breaks of the invariants, by kind; docs/glossary.md says what each invariant is. */

export interface Break {
  readonly invariant: 'I1' | 'I3' | 'I4' | 'I5';
  /** The finding, as the end of a sentence. */
  readonly what: string;
  /** Artifact ids, build ids or keys: the first twenty. */
  readonly ids: readonly (number | string)[];
  readonly count: number;
}

const idsShown = 20;

export class Breaks {
  private readonly found = new Map<string, Break & { ids: (number | string)[]; count: number }>();

  add(invariant: Break['invariant'], what: string, id: number | string): void {
    const name = `${invariant} ${what}`;
    const known = this.found.get(name) ?? { invariant, what, ids: [], count: 0 };
    known.count += 1;
    if (known.ids.length < idsShown) known.ids.push(id);
    this.found.set(name, known);
  }

  all(): Break[] {
    return [...this.found.values()];
  }
}
