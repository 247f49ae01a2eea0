import fc from 'fast-check';
import { UndecodableRecordError } from '../../lib/runtime/poison';
import { artifact } from '../../test/support/memory/artifact-deletion';
import type { ArtifactsExpired, ExpiredArtifact } from '../../schemas/generated';
import { usableKey } from './decide';
import { checkRecord } from './record';

const origin = { systemIdentifier: '7', databaseName: 'gitlab', timeline: 1, lsn: 1 };
const record = (other: Partial<ArtifactsExpired> = {}): ArtifactsExpired => ({
  ...{ origin, source: 'sweep', partitionId: 100, artifacts: [artifact(1), artifact(2)] },
  ...other,
});

test('a record of possible values passes as it is', () => {
  const given = record();
  expect(checkRecord(given)).toBe(given);
});

test.each([
  ['id', record({ artifacts: [artifact(-2)] })],
  ['id', record({ artifacts: [artifact(2 ** 53)] })],
  ['projectId of 1', record({ artifacts: [artifact(1, { projectId: 0 })] })],
  ['jobId of 1', record({ artifacts: [artifact(1, { jobId: 1.5 })] })],
  ['partitionId', record({ partitionId: -100 })],
])('an impossible %s makes the record undecodable', (place, given) => {
  expect(() => checkRecord(given)).toThrow(
    expect.objectContaining({ poison: 'impossible-id' }) as Error,
  );
  expect(() => checkRecord(given)).toThrow(`an impossible ${place}:`);
});

const withArtifact = (other: Partial<ExpiredArtifact>) =>
  record({ artifacts: [artifact(7, other)] });

test.each([
  ['createdOnDays of 7', withArtifact({ createdOnDays: 2_147_483_647 })],
  ['createdOnDays of 7', withArtifact({ createdOnDays: -2_147_483_648 })],
  ['fileType of 7', withArtifact({ fileType: 3 })],
  ['fileStore of 7', withArtifact({ fileStore: 1 })],
  ['file of 7', withArtifact({ file: 'a\0b' })],
  ['fileFinalPath of 7', withArtifact({ fileFinalPath: '\0' })],
  ['artifacts', record({ artifacts: [artifact(2), artifact(1)] })],
  ['artifacts', record({ artifacts: Array.from({ length: 1_001 }, (_, at) => artifact(at + 1)) })],
  ['source', record({ source: 'x'.repeat(65) })],
  ['origin.systemIdentifier', record({ origin: { ...origin, systemIdentifier: '7\n' } })],
  ['origin.databaseName', record({ origin: { ...origin, databaseName: 'x'.repeat(256) } })],
  ['origin.timeline', record({ origin: { ...origin, timeline: 0 } })],
  ['origin.lsn', record({ origin: { ...origin, lsn: -1 } })],
])('an impossible %s makes the record undecodable, by field and id', (place, given) => {
  expect(() => checkRecord(given)).toThrow(UndecodableRecordError);
  expect(() => checkRecord(given)).toThrow(
    expect.objectContaining({ poison: 'impossible-value' }) as Error,
  );
  expect(() => checkRecord(given)).toThrow(`an impossible ${place}:`);
});

test('of every record that passes, a key is made or refused: nothing else is thrown', () => {
  const int = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.constantFrom(1, 2, 3));
  const text = fc.option(fc.string({ unit: 'binary' }));
  const anything = fc.record({
    ...{ id: int, projectId: int, jobId: int, createdOnDays: fc.integer(), fileType: int },
    ...{ file: text, fileFinalPath: text, fileStore: fc.constant(2), sizeBytes: fc.option(int) },
    fileLocation: fc.option(int),
  });
  fc.assert(
    fc.property(anything, (artifact) => {
      try {
        checkRecord(record({ artifacts: [artifact] }));
      } catch (error) {
        expect(error).toBeInstanceOf(UndecodableRecordError);
        return;
      }
      expect(() => usableKey(artifact)).not.toThrow();
    }),
  );
});
