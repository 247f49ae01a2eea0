import {
  array,
  assert,
  constantFrom,
  integer,
  oneof,
  option,
  property,
  record,
  string,
} from 'fast-check';
import { FetchedRecord } from '../../kafka/fetched-record';
import { Lane, laneOf } from './lane';

const recordAt = (offset: number): FetchedRecord =>
  new FetchedRecord({ offset, key: Buffer.from('k'), value: null, timestampMs: 0 });
const offsetsOf = (records: readonly FetchedRecord[]): number[] =>
  records.map(({ offset }) => offset);

const step = oneof(
  record({ kind: constantFrom('push' as const), count: integer({ min: 1, max: 2_000 }) }),
  /** A micro-batch of so many records, of which those with `index % every === 0` stay unfinished. */
  record({
    kind: constantFrom('take' as const),
    count: integer({ min: 1, max: 1_500 }),
    every: integer({ min: 1, max: 5 }),
  }),
);

test('what is not finished comes again, in its order and before what came later', () => {
  assert(
    property(array(step, { maxLength: 40 }), (steps) => {
      const lane = new Lane(0);
      let model: number[] = [];
      let next = 0;
      for (const one of steps) {
        if (one.kind === 'push') {
          for (let left = one.count; left > 0; left -= 1, next += 1) {
            lane.push(recordAt(next));
            model.push(next);
          }
        } else {
          const taken = lane.peek(one.count);
          expect(offsetsOf(taken)).toEqual(model.slice(0, one.count));
          const unfinished = taken.filter((_, at) => at % one.every === 0);
          lane.replaceFront(taken.length, unfinished);
          model = [...offsetsOf(unfinished), ...model.slice(taken.length)];
        }
        expect(lane.length).toBe(model.length);
        expect(lane.first()?.offset).toBe(model[0]);
      }
      expect(offsetsOf(lane.peek(lane.length))).toEqual(model);
    }),
  );
});

test('records of one key share a lane, at any offsets; those without a key are spread', () => {
  const lanes = integer({ min: 1, max: 64 });
  const offset = integer({ min: 0 });
  assert(
    property(option(string()), lanes, offset, offset, (text, count, one, other) => {
      const key = text === null ? null : Buffer.from(text);
      const lane = laneOf(key, one, count);
      expect(lane).toBeGreaterThanOrEqual(0);
      expect(lane).toBeLessThan(count);
      if (key === null) expect(lane).toBe(one % count);
      else expect(laneOf(key, other, count)).toBe(lane);
    }),
  );
});

test('keys that count up are spread evenly', () => {
  const perLane = new Map<number, number>();
  for (let key = 0; key < 8_000; key += 1) {
    const lane = laneOf(Buffer.from(String(key)), 0, 8);
    perLane.set(lane, (perLane.get(lane) ?? 0) + 1);
  }
  for (let lane = 0; lane < 8; lane += 1) {
    expect(perLane.get(lane)).toBeGreaterThan(800);
    expect(perLane.get(lane)).toBeLessThan(1_200);
  }
});
