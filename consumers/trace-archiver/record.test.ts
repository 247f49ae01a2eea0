import type { BuildFinished } from '../../schemas/generated';
import { checkRecord } from './record';

const origin = { systemIdentifier: '7', databaseName: 'gitlab', timeline: 1, lsn: 1 };
const finished: BuildFinished = {
  ...{ origin, source: 'change', partitionId: 100, buildId: 5, projectId: 1 },
  ...{ status: 'success', finishedAtMs: 1 },
};

test('a record of possible values passes as it is', () => {
  expect(checkRecord(finished)).toBe(finished);
});

test.each<[string, Partial<BuildFinished>]>([
  ['buildId:', { buildId: 0 }],
  ['projectId:', { projectId: 2 ** 53 }],
  ['source of 5:', { source: 'x'.repeat(65) }],
  ['status of 5:', { status: 'x'.repeat(100_000) }],
  ['finishedAtMs of 5:', { finishedAtMs: Number.MAX_SAFE_INTEGER + 1 }],
  ['finishedAtMs of 5:', { finishedAtMs: -210_866_803_200_001 }],
  ['origin.lsn:', { origin: { ...origin, lsn: -1 } }],
])('an impossible %s makes the record undecodable', (place, other) => {
  expect(() => checkRecord({ ...finished, ...other })).toThrow(`an impossible ${place}`);
});
