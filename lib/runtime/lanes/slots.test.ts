import { array, assert, constantFrom, integer, oneof, property, record } from 'fast-check';
import { Slots } from './slots';

const step = oneof(
  record({ kind: constantFrom('acquire' as const), partition: integer({ min: 0, max: 3 }) }),
  record({ kind: constantFrom('release' as const) }),
  record({ kind: constantFrom('limit' as const), limit: integer({ min: 1, max: 5 }) }),
);

test('never more than the limit begins, none waits beside a free slot, each begins once and in its order', () => {
  assert(
    property(integer({ min: 1, max: 5 }), array(step, { maxLength: 200 }), (size, steps) => {
      const slots = new Slots(size);
      const asked = new Map<number, number>();
      const begun = new Map<number, number>();
      let waiting = 0;
      const acquire = (partition: number): void => {
        const turn = (asked.get(partition) ?? 0) + 1;
        asked.set(partition, turn);
        waiting += 1;
        slots.acquire(`things/${partition}`, () => {
          expect(slots.running).toBeLessThanOrEqual(slots.limit);
          expect(turn).toBe((begun.get(partition) ?? 0) + 1);
          begun.set(partition, turn);
          waiting -= 1;
        });
      };
      for (const one of steps) {
        if (one.kind === 'acquire') acquire(one.partition);
        else if (one.kind === 'limit') slots.setLimit(one.limit);
        else if (slots.running > 0) slots.release();
        expect(waiting === 0 || slots.running >= slots.limit).toBe(true);
        expect(slots.limit).toBeLessThanOrEqual(size);
      }
      slots.setLimit(null);
      while (slots.running > 0) slots.release();
      expect(waiting).toBe(0);
    }),
  );
});

test('no partition gets two slots while another one waits for its first', () => {
  assert(
    property(array(step, { maxLength: 300 }), (steps) => {
      const slots = new Slots(2);
      const waiting = new Map<number, number>();
      /** How many slots each partition got since this one began to wait. */
      const given = new Map<number, Map<number, number>>();
      for (const one of steps) {
        if (one.kind === 'limit') slots.setLimit(one.limit);
        else if (one.kind === 'release') {
          if (slots.running > 0) slots.release();
        } else {
          const { partition } = one;
          if (!waiting.get(partition)) given.set(partition, new Map());
          waiting.set(partition, (waiting.get(partition) ?? 0) + 1);
          slots.acquire(`things/${partition}`, () => {
            waiting.set(partition, (waiting.get(partition) ?? 0) - 1);
            given.set(partition, new Map());
            for (const [other, since] of given) {
              if (other === partition || !waiting.get(other)) continue;
              since.set(partition, (since.get(partition) ?? 0) + 1);
              expect(since.get(partition)).toBe(1);
            }
          });
        }
      }
    }),
  );
});

test('the lowest limit of all causes holds, and one taken back holds no more', () => {
  const slots = new Slots(8);
  slots.setLimit(3, 'latency');
  slots.setLimit(5, 'flag');
  expect(slots.limit).toBe(3);
  slots.setLimit(null, 'latency');
  expect(slots.limit).toBe(5);
  slots.setLimit(20, 'flag');
  expect(slots.limit).toBe(8);
});

test('what ends as it begins makes room for the next, however many wait', () => {
  const slots = new Slots(1);
  let begun = 0;
  slots.acquire('things/0', () => undefined);
  for (let index = 0; index < 50_000; index += 1) {
    slots.acquire(`things/${index % 12}`, () => {
      begun += 1;
      slots.release();
    });
  }
  slots.release();
  expect(begun).toBe(50_000);
});
