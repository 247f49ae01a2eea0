/** The trace rows in memory, which tests of the archive use, behave like PostgreSQL. */
import type { StoredTrace } from '../../lib/gitlab/trace-rows';
import type { TraceRows } from '../../consumers/trace-archiver/ports';
import { PostgresTraces } from '../../lib/stores/postgres/traces';
import { ArtifactSource } from '../support/records/artifact-source';
import { MemoryTraceRows } from '../support/memory/memory-traces';

const source = new ArtifactSource('trace_rows');
beforeAll(() => source.open());
afterAll(() => source.close());

interface RowGround {
  readonly rows: TraceRows;
  build(): Promise<number>;
  /** A chunk in the database. */
  chunk(buildId: number, index: number, bytes: Buffer): Promise<void>;
  /** The columns that a flush changes. */
  flush(buildId: number): Promise<void>;
  erase(buildId: number): Promise<void>;
  gitlabRow(buildId: number): Promise<void>;
}

function inPostgres(): RowGround {
  const { owner } = source;
  return {
    rows: new PostgresTraces(source.pool('afterbuild_archiver')),
    build: async () => {
      const id = await source.build();
      await owner.query(
        `INSERT INTO ci_build_pending_states (build_id, partition_id, project_id, created_at,
           updated_at, trace_checksum, trace_bytesize)
         VALUES ($1, 100, 1, now(), now(), 'crc32:00ff', 5)`,
        [id],
      );
      return id;
    },
    chunk: async (buildId, index, bytes) => {
      await owner.query(
        `INSERT INTO ci_build_trace_chunks
           (build_id, partition_id, project_id, chunk_index, data_store, raw_data, checksum)
         VALUES ($1, 100, 1, $2, 2, $3, '123')`,
        [buildId, index, bytes],
      );
    },
    flush: async (buildId) => {
      await owner.query(
        `UPDATE ci_build_trace_chunks SET data_store = 3, lock_version = lock_version + 1
         WHERE build_id = $1`,
        [buildId],
      );
    },
    erase: async (buildId) => {
      await owner.query(
        'UPDATE p_ci_builds SET erased_at = now() WHERE id = $1 AND partition_id = 100',
        [buildId],
      );
    },
    gitlabRow: async (buildId) => {
      await owner.query(
        `INSERT INTO p_ci_job_artifacts (partition_id, project_id, job_id, file_type, created_at,
           updated_at, size, file, file_store) VALUES (100, 1, $1, 3, now(), now(), 9, 'job.log', 2)`,
        [buildId],
      );
    },
  };
}

function inMemory(): RowGround {
  const rows = new MemoryTraceRows();
  return {
    rows,
    build: () => {
      const id = rows.nextId();
      const pending = { checksum: 'crc32:00ff', sizeBytes: 5 };
      const place = { partitionId: 100, projectId: 1, type: 'Ci::Build', status: 'success' };
      rows.builds.set(id, { ...place, isErased: false, pending });
      return Promise.resolve(id);
    },
    chunk: (buildId, index, rawData) => {
      const id = rows.nextId();
      const chunk = { id, buildId, index, store: 2, lockVersion: 0, checksum: '123', rawData };
      rows.chunks.set(id, chunk);
      return Promise.resolve();
    },
    flush: (buildId) => {
      for (const chunk of rows.chunksOf(buildId)) {
        rows.chunks.set(chunk.id, { ...chunk, store: 3, lockVersion: chunk.lockVersion + 1 });
      }
      return Promise.resolve();
    },
    erase: (buildId) => {
      rows.builds.get(buildId)!.isErased = true;
      return Promise.resolve();
    },
    gitlabRow: (buildId) => {
      rows.artifacts.set(buildId, {
        id: rows.nextId(),
        projectId: 1,
        jobId: buildId,
        createdOnDays: Math.floor(Date.now() / 86_400_000),
        file: 'job.log',
        fileStore: 2,
        fileLocation: null,
        fileFinalPath: null,
        sizeBytes: 9,
        sha256: null,
        ageMs: 0,
      });
      return Promise.resolve();
    },
  };
}

describe.each([
  ['PostgreSQL', inPostgres],
  ['memory', inMemory],
])('trace rows in %s', (_name, create) => {
  let ground: RowGround;
  beforeAll(() => {
    ground = create();
  });

  async function aTrace(chunks: number): Promise<number> {
    const id = await ground.build();
    for (let index = 0; index < chunks; index += 1) {
      await ground.chunk(id, index, Buffer.from(`chunk ${index}`));
    }
    return id;
  }

  const read = async (id: number) => (await ground.rows.read(100, [id]))[0];

  async function stored(id: number, change: Partial<StoredTrace> = {}): Promise<StoredTrace> {
    const chunks = (await read(id))?.chunks ?? [];
    const key = `hash/@final/${id}`;
    const sums = { sha256: 'ab'.repeat(32), md5: 'cd'.repeat(16) };
    return {
      buildId: id,
      projectId: 1,
      chunks,
      key,
      sizeBytes: 14,
      ...sums,
      replaces: null,
      ...change,
    };
  }

  const commit = async (id: number, change: Partial<StoredTrace> = {}) =>
    (await ground.rows.commitStored(100, [await stored(id, change)])).get(id);

  test('a build is read with its chunks in order, its pending state and no artifact', async () => {
    const id = await aTrace(2);
    const trace = await read(id);
    expect(trace).toMatchObject({
      buildId: id,
      projectId: 1,
      type: 'Ci::Build',
      status: 'success',
      isErased: false,
      chunks: [
        { index: 0, store: 2, lockVersion: 0, checksum: '123' },
        { index: 1, store: 2, lockVersion: 0, checksum: '123' },
      ],
      pending: { checksum: 'crc32:00ff', sizeBytes: 5 },
      artifact: null,
    });
    const ids = trace!.chunks.map((chunk) => chunk.id);
    const data = await ground.rows.readRawData([...ids, 999_999_999]);
    expect([...data]).toEqual(ids.map((one, at) => [one, Buffer.from(`chunk ${at}`)]));
    expect(await ground.rows.read(101, [id])).toEqual([]);
    expect(await read(999_999_999)).toBeUndefined();
  });

  test('a stored trace gets its row, once, and its chunks go', async () => {
    const id = await aTrace(2);
    const trace = await stored(id);
    expect(await commit(id)).toBe('committed');
    expect(await commit(id)).toBe('claimed');
    expect((await read(id))?.artifact).toMatchObject({
      jobId: id,
      file: 'job.log',
      fileStore: 2,
      fileLocation: 2,
      fileFinalPath: trace.key,
      sizeBytes: 14,
      sha256: trace.sha256,
    });
    expect([...(await ground.rows.forgetChunks(100, [trace]))]).toEqual([id]);
    expect(await read(id)).toMatchObject({ chunks: [], pending: null });
  });

  test('a chunk more, or one that was flushed, is a change, and keeps the rows', async () => {
    const [more, flushed] = [await aTrace(1), await aTrace(1)];
    const traces = [await stored(more), await stored(flushed)];
    await ground.chunk(more, 1, Buffer.from('late'));
    await ground.flush(flushed);
    const results = await ground.rows.commitStored(100, traces);
    expect([results.get(more), results.get(flushed)]).toEqual(['changed', 'changed']);
    expect((await ground.rows.forgetChunks(100, traces)).size).toBe(0);
    expect((await read(more))?.chunks).toHaveLength(2);
  });

  test('an erased build, and one that is not there, are gone', async () => {
    const [erased, absent] = [await aTrace(1), 999_999_998];
    await ground.erase(erased);
    expect([await commit(erased), await commit(absent)]).toEqual(['gone', 'gone']);
    expect([...(await ground.rows.forgetChunks(100, [await stored(absent)]))]).toEqual([absent]);
  });

  test('an object that is not there any more gets no row', async () => {
    const id = await aTrace(1);
    expect(await commit(id, { isStillStored: () => Promise.resolve(false) })).toBe('changed');
    expect((await read(id))?.artifact).toBeNull();
  });

  test('our row grows and never shrinks, and GitLab’s is taken over as it was read', async () => {
    const id = await aTrace(1);
    await commit(id);
    const ours = (await read(id))!.artifact;
    expect(await commit(id, { replaces: ours, sizeBytes: 13 })).toBe('changed');
    expect(await commit(id, { replaces: ours, sizeBytes: 15 })).toBe('committed');
    expect(await commit(id, { replaces: ours, sizeBytes: 16 })).toBe('changed');
    expect((await read(id))?.artifact).toMatchObject({ id: ours!.id, sizeBytes: 15 });

    const other = await aTrace(1);
    await ground.gitlabRow(other);
    const theirs = (await read(other))!.artifact;
    expect(theirs).toMatchObject({ fileFinalPath: null, sizeBytes: 9, sha256: null });
    expect(await commit(other, { replaces: theirs })).toBe('committed');
    expect((await read(other))?.artifact).toMatchObject({ id: theirs!.id, sizeBytes: 14 });
  });

  test('an object is dropped unless a row claims it', async () => {
    const id = await aTrace(1);
    const build = { partitionId: 100, buildId: id };
    const dropped: string[] = [];
    const drop = (key: string) =>
      ground.rows.dropUnclaimed(build, key, () => Promise.resolve(void dropped.push(key)));
    const { key } = await stored(id);
    expect(await drop(key)).toBe('dropped');
    await commit(id);
    expect(await drop(key)).toBe('claimed');
    expect(dropped).toEqual([key]);
  });
});
