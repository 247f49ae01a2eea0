/** The artifact rows in memory, which tests of the deletion use, behave like PostgreSQL. */
import type { ArtifactRows } from '../../consumers/artifact-deleter/ports';
import type { ArtifactKeyColumns } from '../../lib/gitlab/object-key';
import { PostgresArtifacts } from '../../lib/stores/postgres/artifacts';
import { ArtifactSource, type NewRow } from '../support/records/artifact-source';
import { MemoryArtifactRows } from '../support/memory/memory-artifacts';

interface Ground {
  readonly rows: ArtifactRows;
  build(): Promise<number>;
  insert(rows: readonly NewRow[]): Promise<readonly ArtifactKeyColumns[]>;
}

const source = new ArtifactSource('artifact_rows');
beforeAll(() => source.open());
afterAll(() => source.close());

function inPostgres(): Ground {
  return {
    rows: new PostgresArtifacts(source.pool('afterbuild_deleter')),
    build: () => source.build(),
    insert: (rows) => source.insert(rows),
  };
}

function inMemory(): Ground {
  const rows = new MemoryArtifactRows();
  let last = 0;
  return {
    rows,
    build: () => Promise.resolve((last += 1)),
    insert: (added) => {
      const inserted = added.map((row) => {
        const expireAtMs = row.expiresInMs === null ? null : rows.nowMs + row.expiresInMs;
        return { ...row, id: (last += 1), expireAtMs };
      });
      for (const row of inserted) rows.rows.set(row.id, row);
      return Promise.resolve(inserted);
    },
  };
}

describe.each([
  ['PostgreSQL', inPostgres],
  ['memory', inMemory],
])('artifact rows in %s', (_name, create) => {
  let ground: Ground;
  let due: NewRow;

  beforeAll(async () => {
    ground = create();
    due = {
      partitionId: 100,
      projectId: 1,
      jobId: await ground.build(),
      createdOnDays: 20_000,
      fileType: 1,
      file: 'artifacts.zip',
      fileStore: 2,
      fileLocation: 2,
      fileFinalPath: null,
      locked: 0,
      expiresInMs: -60_000,
    };
  });

  /** One row like `due`, for a build of its own. */
  async function one(change: Partial<NewRow> = {}): Promise<ArtifactKeyColumns> {
    const row = { ...due, jobId: await ground.build(), ...change };
    const [inserted] = await ground.insert([row]);
    return inserted!;
  }

  test('those that may go are found, then deleted, each once and in any order', async () => {
    const three = [await one(), await one(), await one({ fileFinalPath: 'a/@final/b' })];
    const ids = three.map(({ id }) => id);
    const asked = [...three.toReversed(), three[0]!];
    expect((await ground.rows.findDue(100, asked)).toSorted()).toEqual(expect.arrayContaining(ids));
    expect((await ground.rows.deleteDue(100, asked)).toSorted((a, b) => a - b)).toEqual(ids);
    expect(await ground.rows.deleteDue(100, asked)).toEqual([]);
    expect(await ground.rows.findExisting(ids)).toEqual([]);
  });

  test.each<[string, Partial<NewRow>]>([
    ['locked', { locked: 1 }],
    ['of unknown lock', { locked: 2 }],
    ['not expired yet', { expiresInMs: 3_600_000 }],
    ['never expiring', { expiresInMs: null }],
    ['a trace', { fileType: 3 }],
    ['stored locally', { fileStore: 1 }],
  ])('one that is %s stays', async (_case, change) => {
    const row = await one(change);
    expect(await ground.rows.findDue(100, [row])).toEqual([]);
    expect(await ground.rows.deleteDue(100, [row])).toEqual([]);
    expect(await ground.rows.findExisting([row.id])).toEqual([row.id]);
  });

  test.each<[string, Partial<ArtifactKeyColumns>]>([
    ['project', { projectId: 2 }],
    ['job', { jobId: 999_999 }],
    ['day', { createdOnDays: 20_001 }],
    ['file', { file: 'other.zip' }],
    ['absent file', { file: null }],
    ['location', { fileLocation: null }],
    ['final path', { fileFinalPath: 'x' }],
  ])('one that is known with another %s stays', async (_case, change) => {
    const row = await one();
    expect(await ground.rows.deleteDue(100, [{ ...row, ...change }])).toEqual([]);
    expect(await ground.rows.findExisting([row.id])).toEqual([row.id]);
  });

  test('nulls are compared as values', async () => {
    const row = await one({ file: null, fileLocation: null });
    expect(await ground.rows.deleteDue(100, [row])).toEqual([row.id]);
  });

  test('a partition_id is exact, also where two share a physical partition', async () => {
    const row = await one();
    expect(await ground.rows.deleteDue(101, [row])).toEqual([]);
    expect(await ground.rows.deleteDue(102, [row])).toEqual([]);
    expect(await ground.rows.findExisting([row.id, 987_654_321])).toEqual([row.id]);
  });

  test('claims are remote rows: legacy ones by job, final paths by themselves', async () => {
    const legacy = await one({ fileLocation: 1 });
    const local = await one({ fileLocation: 1, fileStore: 1 });
    const hashed = await one();
    const jobIds = [legacy.jobId, local.jobId, hashed.jobId];
    const claims = await ground.rows.findLegacyClaims(jobIds);
    expect(claims).toEqual([expect.objectContaining({ ...legacy })]);
    await one({ fileFinalPath: `claimed/${legacy.id}` });
    await one({ fileFinalPath: `local/${legacy.id}`, fileStore: 1 });
    const asked = [`claimed/${legacy.id}`, `local/${legacy.id}`, 'nobody/s'];
    const paths = asked.map((path) => ({ projectId: 1, path }));
    expect(await ground.rows.findFinalPathClaims(paths)).toEqual([`claimed/${legacy.id}`]);
  });
});
