import fc from 'fast-check';
import { artifact, origin } from '../../test/support/records/expired-artifacts';
import { cutRecords } from './records';

test('a record holds one partition_id, sorted by id, and is named after its first', () => {
  const due = [artifact({ id: 9 }), artifact({ id: 3, partitionId: 101 }), artifact({ id: 4 })];
  const records = cutRecords(due, origin, 'sweep');
  expect(records.map(({ key, value }) => [key, value.artifacts.map(({ id }) => id)])).toEqual([
    ['100:4', [4, 9]],
    ['101:3', [3]],
  ]);
  expect(records[0]?.value).toMatchObject({ origin, source: 'sweep', partitionId: 100 });
});

test('no record is over its limits, and none of the artifacts is lost or doubled', () => {
  const limits = { artifacts: 5, bytes: 600 };
  const dueArbitrary = fc.uniqueArray(
    fc.record({
      id: fc.integer({ min: 1, max: 200 }),
      partitionId: fc.constantFrom(100, 101),
      file: fc.option(fc.string({ maxLength: 120 })),
    }),
    { selector: ({ id }) => id },
  );
  fc.assert(
    fc.property(dueArbitrary, (columns) => {
      const records = cutRecords(columns.map(artifact), origin, 'change', limits);
      const ids = records.flatMap(({ value }) => value.artifacts.map(({ id }) => id));
      expect(ids.sort((a, b) => a - b)).toEqual(columns.map(({ id }) => id).sort((a, b) => a - b));
      for (const { value } of records) {
        const bytes = value.artifacts.reduce(
          (sum, { file }) => sum + Buffer.byteLength(file ?? ''),
          0,
        );
        expect(value.artifacts.length).toBeLessThanOrEqual(limits.artifacts);
        expect(bytes <= limits.bytes || value.artifacts.length === 1).toBe(true);
      }
    }),
  );
});

test('an artifact above the limit goes alone', () => {
  const long = artifact({ id: 2, file: 'x'.repeat(1_000) });
  const records = cutRecords([artifact({ id: 1 }), long, artifact({ id: 3 })], origin, 'sweep', {
    artifacts: 10,
    bytes: 600,
  });
  expect(records.map(({ key }) => key)).toEqual(['100:1', '100:2', '100:3']);
});

test('the position is the origin’s alone, without what else is known of the database', () => {
  const [record] = cutRecords([artifact({})], { ...origin, inRecovery: false } as never, 'sweep');
  expect(record?.value.origin).toEqual(origin);
});
