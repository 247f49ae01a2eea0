import fc from 'fast-check';
import { AbsenceGauge, type Arrival } from './absence-gauge';

function fill(gauge: AbsenceGauge, records: number, deleted: number, absent: number): void {
  for (let index = 0; index < records; index += 1) gauge.add('first', deleted, absent);
}

test('a fifth of the artifacts absent over 100 records is still believed, more is not', () => {
  const gauge = new AbsenceGauge();
  fill(gauge, 100, 4, 1);
  expect(gauge.tooMany()).toBeUndefined();
  gauge.add('first', 3, 2);
  expect(gauge.tooMany()).toMatch(/^101 of the 500 artifacts/);
});

test('fewer than 100 records of few artifacts say nothing', () => {
  const gauge = new AbsenceGauge();
  fill(gauge, 99, 0, 10);
  expect(gauge.tooMany()).toBeUndefined();
});

test('a thousand artifacts that are wholly absent are enough in one record', () => {
  const gauge = new AbsenceGauge();
  gauge.add('first', 0, 1_000);
  expect(gauge.tooMany()).toMatch(/^1000 of the 1000 artifacts/);
});

test('after many whole records two that are absent are enough', () => {
  const gauge = new AbsenceGauge();
  fill(gauge, 500, 1_000, 0);
  gauge.add('first', 0, 1_000);
  expect(gauge.tooMany()).toBeUndefined();
  gauge.add('first', 0, 1_000);
  expect(gauge.tooMany()).toMatch(/^2000 of the/);
});

test('what lies further back than 100 records is forgotten', () => {
  const gauge = new AbsenceGauge();
  fill(gauge, 100, 0, 1);
  fill(gauge, 100, 1, 0);
  expect(gauge.tooMany()).toBeUndefined();
});

test.each<[Arrival, number, number]>([
  ['again', 200, 1],
  ['again', 2, 1_000],
  ['retried', 200, 1],
  ['retried', 200, 1_000],
  ['repeated', 50, 1_000],
])('%s: wholly absent, the limit is reached after %i records of %i', (arrival, records, each) => {
  const gauge = new AbsenceGauge();
  for (let index = 1; index < records; index += 1) gauge.add(arrival, 0, each);
  expect(gauge.tooMany()).toBeUndefined();
  gauge.add(arrival, 0, each);
  expect(gauge.tooMany()).toMatch(/over 50 %/);
});

test('records that tell nothing dilute nothing, however many they are', () => {
  const arrival = fc.constantFrom<Arrival>('first', 'again', 'retried');
  const nothing = fc.array(arrival, { maxLength: 300 });
  fc.assert(
    fc.property(arrival, nothing, (kind, between) => {
      const gauge = new AbsenceGauge();
      for (let index = 0; index < 200; index += 1) {
        gauge.add(kind, 0, 1);
        for (const other of between) gauge.add(other, 0, 0);
      }
      expect(gauge.tooMany()).toBeDefined();
    }),
    { numRuns: 20 },
  );
});

test('ids deleted here are remembered, the latest for sure', () => {
  const gauge = new AbsenceGauge();
  for (let id = 0; id < 450_000; id += 1) gauge.rememberDeleted([id]);
  expect(gauge.wasDeletedHere(449_999)).toBe(true);
  expect(gauge.wasDeletedHere(360_000)).toBe(true);
  expect(gauge.wasDeletedHere(10)).toBe(false);
});

test('nothing is held where an operator has said that rows are gone while their objects are there', () => {
  const gauge = new AbsenceGauge(false);
  for (const telling of ['first', 'again', 'retried', 'repeated'] as const) {
    gauge.add(telling, 0, 1_000_000);
  }
  expect(gauge.tooMany()).toBeUndefined();
});
