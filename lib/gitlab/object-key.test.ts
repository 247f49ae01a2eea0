import {
  artifactObjectKey,
  objectShape,
  projectHashPath,
  UnusableObjectKeyError,
} from './object-key';

const artifact = {
  id: 42,
  projectId: 1,
  jobId: 7,
  createdOnDays: Date.UTC(2026, 0, 9) / 86_400_000,
  file: 'artifacts.zip',
  fileLocation: 2,
  fileFinalPath: null,
};
const projectOne = '6b/86/6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b';

test('project 1 hashes to the prefix that GitLab documents', () => {
  expect(projectHashPath(1)).toBe(projectOne);
});

test('a hashed key holds the UTC day, the job and the artifact', () => {
  expect(artifactObjectKey(artifact)).toBe(`${projectOne}/2026_01_09/7/42/artifacts.zip`);
  expect(artifactObjectKey({ ...artifact, fileLocation: null })).toBe(artifactObjectKey(artifact));
});

test('a legacy key holds the month, the project and the job, but no artifact', () => {
  expect(artifactObjectKey({ ...artifact, fileLocation: 1 })).toBe('2026_01/1/7/artifacts.zip');
});

test('the final path is the key when it is set', () => {
  const fileFinalPath = `${projectOne}/@final/ab/cd/${'e'.repeat(60)}`;
  expect(artifactObjectKey({ ...artifact, fileFinalPath })).toBe(fileFinalPath);
});

test('a row without file name and final path has no object', () => {
  expect(artifactObjectKey({ ...artifact, file: null })).toBeNull();
});

test.each(['../secret', 'a/b', '..', 'a\u0000b', 'x'.repeat(1025)])(
  'a file name that could leave its place is refused: %j',
  (file) => {
    expect(() => artifactObjectKey({ ...artifact, file })).toThrow(UnusableObjectKeyError);
  },
);

test('every key made here has a shape that this pipeline owns', () => {
  expect(objectShape(artifactObjectKey(artifact)!)).toBe('hashed');
  expect(objectShape(artifactObjectKey({ ...artifact, fileLocation: 1 })!)).toBe('legacy');
  expect(objectShape(`${projectOne}/@final/ab/cd/${'e'.repeat(60)}`)).toBe('final');
});

test.each([
  `${projectOne}/pipelines/3/artifacts/9/coverage.json`,
  'tmp/builds/1/chunks/0.log',
  'backups/2026_01/db.tar',
  `${projectOne}/@final/ab/cd/short`,
])('an object of any other shape is foreign: %s', (key) => {
  expect(objectShape(key)).toBe('foreign');
});
