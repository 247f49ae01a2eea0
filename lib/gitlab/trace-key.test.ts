import fc from 'fast-check';
import { artifactObjectKey, objectShape, projectHashPath } from './object-key';
import { traceKey } from './trace-key';

const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const owner = fc.record({ partitionId: id, buildId: id, projectId: id });

test('a key has the shape of a direct upload below its project, and is a row’s final path as it stands', () => {
  fc.assert(
    fc.property(owner, (build) => {
      const key = traceKey(build);
      expect(objectShape(key)).toBe('final');
      expect(key.startsWith(`${projectHashPath(build.projectId)}/@final/`)).toBe(true);
      const row = { id: 1, jobId: 1, createdOnDays: 1, file: 'job.log', fileLocation: 2 };
      expect(artifactObjectKey({ ...row, projectId: 1, fileFinalPath: key })).toBe(key);
    }),
  );
});

test('a build has one key, and no two builds share one', () => {
  fc.assert(
    fc.property(owner, owner, (one, other) => {
      const isSame = one.partitionId === other.partitionId && one.buildId === other.buildId;
      expect(traceKey(one)).toBe(traceKey({ ...one }));
      expect(traceKey({ ...one, projectId: 1 }) === traceKey({ ...other, projectId: 1 })).toBe(
        isSame,
      );
    }),
  );
  expect(traceKey({ partitionId: 1, buildId: 11, projectId: 1 })).not.toBe(
    traceKey({ partitionId: 11, buildId: 1, projectId: 1 }),
  );
});

test('the key of a build never changes between versions', () => {
  expect(traceKey({ partitionId: 100, buildId: 7, projectId: 1 })).toMatchInlineSnapshot(
    `"6b/86/6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b/@final/bf/3b/3243362938d04fc0fd6b8e9c63090d8d8b785a0c79ba82fb62af6d4b95d9"`,
  );
});
