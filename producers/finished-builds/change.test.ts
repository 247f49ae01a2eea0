import { buildChange } from '../../test/support/records/finished-builds';
import { decideChange } from './change';

test.each(['success', 'failed', 'canceled'])('a build that ended in %s is produced', (status) => {
  expect(decideChange(buildChange({ status }))).toEqual({
    kind: 'produce',
    build: { partitionId: 100, buildId: 1, projectId: 2, status, finishedAtMs: 4_000 },
  });
});

test.each([
  [{ status: 'running' }, 'not finished'],
  [{ status: 'canceling' }, 'not finished'],
  [{ status: 'skipped' }, 'not finished'],
  [{ status: null }, 'not finished'],
  [{ type: 'Ci::Bridge' }, 'not a Ci::Build'],
  [{ type: null }, 'not a Ci::Build'],
  [{ isErased: true }, 'erased'],
])('a build with %j is left', (columns, reason) => {
  expect(decideChange(buildChange(columns))).toEqual({ kind: 'leave', reason });
});
