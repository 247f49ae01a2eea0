/**
 * After a growth a key's records lie on two partitions, and nothing keeps their order (docs/adr/0019). Here rows change
 * while the topic grows. The changes are then read in any order that partitions allow, between or after them, and the
 * DELETE decides which named rows are deleted: by the row at that time.
 */
import fc from 'fast-check';
import { partitionOf } from '../../lib/kafka/producer';
import { change } from '../../test/support/records/expired-artifacts';
import { decideChange, type ArtifactChange } from './change';

const nowUs = 1_000_000_000;
const ids = [1, 2, 3, 4, 5, 6];

type Step =
  | { readonly does: 'change'; readonly id: number; readonly locked: 0 | 1; readonly due: boolean }
  | { readonly does: 'grow'; readonly by: number }
  /** A reader of partitions takes the next record of one of them. */
  | { readonly does: 'read'; readonly pick: number };

const aChange = fc.record({
  does: fc.constant('change' as const),
  id: fc.constantFrom(...ids),
  locked: fc.constantFrom(0 as const, 1 as const),
  due: fc.boolean(),
});
const aGrowth = fc.record({
  does: fc.constant('grow' as const),
  by: fc.integer({ min: 1, max: 5 }),
});
const aRead = fc.record({ does: fc.constant('read' as const), pick: fc.nat() });
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: aChange },
    { weight: 1, arbitrary: aGrowth },
    { weight: 2, arbitrary: aRead },
  ),
  { minLength: 10, maxLength: 60 },
);

class Flow {
  readonly rows = new Map<number, ArtifactChange>();
  readonly moved = new Set<number>();
  #topic: ArtifactChange[][] = [[], [], []];
  readonly #lastPlace = new Map<number, number>();

  take(step: Step): void {
    if (step.does === 'grow') for (let n = 0; n < step.by; n += 1) this.#topic.push([]);
    else if (step.does === 'read') this.read(step.pick);
    else this.#change(step.id, step.locked, step.due);
  }

  /** @returns whether there was a record to read. */
  read(pick: number): boolean {
    const waiting = this.#topic.filter((records) => records.length > 0);
    const event = waiting[pick % Math.max(1, waiting.length)]?.shift();
    if (!event) return false;
    if (decideChange(event, nowUs).kind === 'produce') this.#delete(event.id);
    return true;
  }

  #change(id: number, locked: 0 | 1, due: boolean): void {
    const row = change({ id, locked, expireAt: BigInt(due ? nowUs - 1 : nowUs + 1) });
    this.rows.set(id, row);
    const place = partitionOf(`{"id":${id}}`, this.#topic.length);
    if ((this.#lastPlace.get(id) ?? place) !== place) this.moved.add(id);
    this.#lastPlace.set(id, place);
    this.#topic[place]?.push(row);
  }

  #delete(id: number): void {
    const row = this.rows.get(id);
    if (row && mayGo(row)) this.rows.delete(id);
  }
}

const mayGo = ({ locked, expireAt }: ArtifactChange): boolean =>
  locked === 0 && expireAt !== null && expireAt < nowUs;

test('with any growths and any order of reading, in the end due artifacts are gone and the rest exists', () => {
  let moved = 0;
  fc.assert(
    fc.property(steps, fc.array(fc.nat()), (history, picks) => {
      const flow = new Flow();
      for (const step of history) flow.take(step);
      while (flow.read(picks.shift() ?? 0));
      moved += flow.moved.size;
      expect([...flow.rows.values()].filter(mayGo)).toEqual([]);
      const last = new Map<number, Step>();
      for (const step of history) if (step.does === 'change') last.set(step.id, step);
      const stays = [...last.values()].filter(
        (step) => step.does === 'change' && (step.locked === 1 || !step.due),
      );
      for (const step of stays)
        if (step.does === 'change') expect(flow.rows.has(step.id)).toBe(true);
    }),
    { numRuns: 500 },
  );
  // Otherwise the claim would be about keys that stay in their partition.
  expect(moved).toBeGreaterThan(500);
});
