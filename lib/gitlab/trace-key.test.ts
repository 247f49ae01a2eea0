import fc from 'fast-check';
import { artifactObjectKey, namesArtifact, objectShape, projectHashPath } from './object-key';
import { traceKey, traceKeyBy, unmarkedTraceKey } from './trace-key';
import { hasTraceMark } from './trace-mark';

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
    `"6b/86/6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b/@final/bf/3b/3243362938d04fc0fd6b8e9c63090d8d8b785a0c79ba4634c5cfc482e5e6"`,
  );
});

test('a trace that was stored before keys were marked is found where its row says', () => {
  const build = { partitionId: 100, buildId: 7, projectId: 1 };
  const before = unmarkedTraceKey(build);
  expect(before).toMatchInlineSnapshot(
    `"6b/86/6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b/@final/bf/3b/3243362938d04fc0fd6b8e9c63090d8d8b785a0c79ba82fb62af6d4b95d9"`,
  );
  expect(traceKeyBy(build, before)).toBe(before);
  const others = [null, undefined, 'x', unmarkedTraceKey({ ...build, buildId: 8 })];
  expect(others.map((path) => traceKeyBy(build, path))).toEqual(others.map(() => traceKey(build)));
});

test('a key shows by itself that it is a trace’s, and no artifact has it, with any values of its row', () => {
  fc.assert(
    fc.property(owner, id, (build, artifactId) => {
      const key = traceKey(build);
      expect(hasTraceMark(key)).toBe(true);
      const row = { id: artifactId, jobId: build.buildId, projectId: build.projectId };
      const named = { ...row, createdOnDays: 1, file: 'job.log', fileLocation: 2 };
      expect(namesArtifact({ ...named, fileFinalPath: key }, key)).toBe(false);
    }),
  );
});

test('a path of GitLab’s own, which is random, is no trace’s', () => {
  const digits = fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .map((bytes) => Buffer.from(bytes).toString('hex'));
  fc.assert(
    fc.property(id, digits, (projectId, random) => {
      const folders = `${random.slice(0, 2)}/${random.slice(2, 4)}`;
      const path = `${projectHashPath(projectId)}/@final/${folders}/${random.slice(4)}`;
      const row = { id: 1, jobId: 1, projectId, createdOnDays: 1, file: 'a', fileLocation: 2 };
      expect(namesArtifact({ ...row, fileFinalPath: path }, path)).toBe(true);
    }),
  );
});
