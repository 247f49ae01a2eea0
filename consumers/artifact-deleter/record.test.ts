import { UndecodableRecordError } from '../../lib/kafka/undecodable-record-error';
import { artifact } from '../../test/support/artifact-deletion';
import type { ArtifactsExpired } from '../../schemas/generated';
import { checkIds } from './record';

const origin = { systemIdentifier: '7', databaseName: 'gitlab', timeline: 1, lsn: 1 };
const record = (other: Partial<ArtifactsExpired> = {}): ArtifactsExpired => ({
  ...{ origin, source: 'sweep', partitionId: 100, artifacts: [artifact(1), artifact(2)] },
  ...other,
});

test('a record of possible ids passes as it is', () => {
  const given = record();
  expect(checkIds(given)).toBe(given);
});

test.each([
  ['id', record({ artifacts: [artifact(1), artifact(-2)] })],
  ['id', record({ artifacts: [artifact(2 ** 53)] })],
  ['projectId', record({ artifacts: [artifact(1, { projectId: 0 })] })],
  ['jobId', record({ artifacts: [artifact(1, { jobId: 1.5 })] })],
  ['partitionId', record({ partitionId: -100 })],
])('an impossible %s makes the record undecodable', (column, given) => {
  expect(() => checkIds(given)).toThrow(UndecodableRecordError);
  expect(() => checkIds(given)).toThrow(`impossible ${column}:`);
});
