import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileLedger, MemoryLedger, type ArtifactEntry, type ReadableLedger } from './ledger';

const artifact = (id: number): ArtifactEntry => ({
  kind: 'artifact',
  id,
  partitionId: 100,
  jobId: 1,
  fileType: 1,
  fileStore: 2,
  key: `key-${id}`,
  sizeBytes: 10,
  expireAtMs: 5_000,
  locked: 1,
  counted: true,
});

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'ledger-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const kinds: [string, () => ReadableLedger][] = [
  ['the file', () => new FileLedger(join(folder, 'ledger.jsonl'))],
  ['the memory', () => new MemoryLedger()],
];

describe.each(kinds)('%s', (_name, create) => {
  test('keeps the last state of an artifact', async () => {
    const ledger = create();
    ledger.append([artifact(1), artifact(2)]);
    ledger.append([{ kind: 'changed', ids: [1], locked: 0 }]);
    ledger.append([{ kind: 'changed', ids: [2], expireAtMs: null }]);
    ledger.append([{ kind: 'deleted', ids: [2] }]);
    const { artifacts } = await ledger.read();
    expect(artifacts.get(1)).toMatchObject({
      locked: 0,
      expireAtMs: 5_000,
      deletedByGitlab: false,
    });
    expect(artifacts.get(2)).toMatchObject({ locked: 1, expireAtMs: null, deletedByGitlab: true });
  });

  test('forgets what GitLab removed, and says whether the seeding was finished', async () => {
    const ledger = create();
    const bytes = { sizeBytes: 1, sha256: 'aa' };
    ledger.append([
      { kind: 'object', key: 'a', ...bytes },
      { kind: 'object', key: 'b', ...bytes },
      { kind: 'removed', keys: ['a'] },
    ]);
    const state = await ledger.read();
    expect([...state.objects.keys()]).toEqual(['b']);
    expect(state.seeded).toBeUndefined();
    ledger.append([{ kind: 'seeded', randomSeed: 1, willGo: 4, willStay: 1, willArchive: 2 }]);
    expect((await ledger.read()).seeded).toMatchObject({ willGo: 4 });
  });
});

test('a change before the birth is an error', async () => {
  const ledger = new FileLedger(join(folder, 'ledger.jsonl'));
  ledger.append([{ kind: 'changed', ids: [1], locked: 0 }, artifact(1)]);
  await expect(ledger.read()).rejects.toThrow('damaged in line 1');
});

test('a torn last line is forgiven, and cut off before the next append', async () => {
  const path = join(folder, 'ledger.jsonl');
  new FileLedger(path).append([artifact(1)]);
  appendFileSync(path, '{"kind":"del');
  const reopened = new FileLedger(path);
  expect((await reopened.read()).artifacts.size).toBe(1);
  reopened.append([artifact(2)]);
  expect((await reopened.read()).artifacts.size).toBe(2);
});

test('a damaged line in the middle is an error', async () => {
  const path = join(folder, 'ledger.jsonl');
  appendFileSync(path, '{"kind":"del\n');
  const ledger = new FileLedger(path);
  ledger.append([artifact(2)]);
  await expect(ledger.read()).rejects.toThrow('damaged in line 1');
});
