import { AbsenceGauge } from './absence-gauge';

function fill(gauge: AbsenceGauge, records: number, absent: number): void {
  for (let index = 0; index < records; index += 1) gauge.add(10, absent);
}

test('a fifth of the ids absent over 100 records is still believed, more is not', () => {
  const gauge = new AbsenceGauge();
  fill(gauge, 100, 2);
  expect(gauge.tooMany()).toBeUndefined();
  gauge.add(10, 3);
  expect(gauge.tooMany()).toMatch(/^201 of the 1000 artifacts/);
});

test('fewer than 100 records say nothing', () => {
  const gauge = new AbsenceGauge();
  fill(gauge, 99, 10);
  expect(gauge.tooMany()).toBeUndefined();
});

test('what lies further back than 100 records is forgotten', () => {
  const gauge = new AbsenceGauge();
  fill(gauge, 100, 10);
  fill(gauge, 100, 0);
  expect(gauge.tooMany()).toBeUndefined();
});

test('ids deleted here are remembered, the latest for sure', () => {
  const gauge = new AbsenceGauge();
  for (let id = 0; id < 450_000; id += 1) gauge.rememberDeleted([id]);
  expect(gauge.wasDeletedHere(449_999)).toBe(true);
  expect(gauge.wasDeletedHere(360_000)).toBe(true);
  expect(gauge.wasDeletedHere(10)).toBe(false);
});
