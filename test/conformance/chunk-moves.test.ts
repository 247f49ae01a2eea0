/** The moves of chunks in memory, which tests of the guard use, behave like PostgreSQL; and leases are GitLab's. */
import { crc32 } from 'node:zlib';
import type { ChunkMoves } from '../../consumers/trace-archiver/redis-guard/ports';
import { PostgresChunkMoves } from '../../lib/stores/postgres/chunk-moves';
import { ArtifactSource } from '../support/records/artifact-source';
import { MemoryChunkMoves } from '../support/memory/memory-chunk-moves';
import { MemoryTraceRows } from '../support/memory/memory-traces';

const source = new ArtifactSource('chunk_moves');
beforeAll(() => source.open(), 60_000);
afterAll(() => source.close(), 60_000);

interface Place {
  readonly id: number;
  readonly buildId: number;
}

interface MoveGround {
  readonly moves: ChunkMoves;
  /** A live chunk of a build of its own. */
  chunk(): Promise<Place>;
  rowOf(id: number): Promise<object>;
  /** The columns that a flush changes. */
  flush(id: number): Promise<void>;
}

function inPostgres(): MoveGround {
  const { owner } = source;
  return {
    moves: new PostgresChunkMoves(source.pool('afterbuild_archiver')),
    chunk: async () => {
      const buildId = await source.build();
      const { rows } = await owner.query<{ id: string }>(
        `INSERT INTO ci_build_trace_chunks (build_id, partition_id, project_id, chunk_index, data_store)
         VALUES ($1, 100, 1, 0, 4) RETURNING id`,
        [buildId],
      );
      return { id: Number(rows[0]!.id), buildId };
    },
    rowOf: async (id) => {
      const { rows } = await owner.query<object>(
        `SELECT data_store AS store, raw_data AS "rawData", lock_version AS "lockVersion",
                encode(checksum, 'escape') AS checksum
         FROM ci_build_trace_chunks WHERE id = $1`,
        [id],
      );
      return rows[0]!;
    },
    flush: async (id) => {
      await owner.query(
        `UPDATE ci_build_trace_chunks SET data_store = 3, lock_version = lock_version + 1 WHERE id = $1`,
        [id],
      );
    },
  };
}

function inMemory(): MoveGround {
  const rows = new MemoryTraceRows();
  return {
    moves: new MemoryChunkMoves(rows),
    chunk: () => {
      const [id, buildId] = [rows.nextId(), rows.nextId()];
      const build = { partitionId: 100, projectId: 1, type: 'Ci::Build', status: 'success' };
      rows.builds.set(buildId, { ...build, isErased: false, pending: null });
      const live = { store: 4, lockVersion: 0, checksum: null, rawData: null };
      rows.chunks.set(id, { id, buildId, index: 0, ...live });
      return Promise.resolve({ id, buildId });
    },
    rowOf: (id) => Promise.resolve(rows.chunks.get(id)!),
    flush: (id) => {
      const row = rows.chunks.get(id)!;
      rows.chunks.set(id, { ...row, store: 3, lockVersion: row.lockVersion + 1 });
      return Promise.resolve();
    },
  };
}

const bytes = Buffer.from([0, 1, 2, 255, 92, 34]);
const yes = () => Promise.resolve(true);
const moveOf = ({ id, buildId }: Place) => ({
  ...{ id, buildId, index: 0, store: 4, lockVersion: 0 },
  ...{ bytes, crc32: crc32(bytes) },
});

describe.each([
  ['PostgreSQL', inPostgres],
  ['memory', inMemory],
])('in %s', (_name, open) => {
  let world: MoveGround;
  beforeEach(() => {
    world = open();
  });

  test('a chunk that is as it was seen has its data, its CRC32 and a new lock_version', async () => {
    const place = await world.chunk();
    const { ids } = await world.moves.move([moveOf(place)], 5_000, yes);
    expect([...ids]).toEqual([place.id]);
    expect(await world.rowOf(place.id)).toMatchObject({
      ...{ store: 2, rawData: bytes, lockVersion: 1, checksum: String(crc32(bytes)) },
    });
  });

  test('a chunk that was flushed meanwhile stays, the others move', async () => {
    const [flushed, other] = [await world.chunk(), await world.chunk()];
    await world.flush(flushed.id);
    const { ids } = await world.moves.move([moveOf(flushed), moveOf(other)], 5_000, yes);
    expect([...ids]).toEqual([other.id]);
    expect(await world.rowOf(flushed.id)).toMatchObject({ store: 3, lockVersion: 1 });
  });

  test('where it may not be committed nothing changes', async () => {
    const place = await world.chunk();
    const no = () => Promise.resolve(false);
    expect((await world.moves.move([moveOf(place)], 5_000, no)).ids.size).toBe(0);
    expect(await world.rowOf(place.id)).toMatchObject({ store: 4, lockVersion: 0 });
  });

  test('pages name every build with a chunk outside of the bucket, in order, once', async () => {
    const places = [await world.chunk(), await world.chunk(), await world.chunk()];
    await world.flush(places[1]!.id);
    const found: number[] = [];
    let from = { partitionId: 0, afterBuildId: 0 };
    for (let left = 20; left > 0; left -= 1) {
      const { buildIds, next } = await world.moves.readPage(from, 2);
      found.push(...buildIds);
      if (next === null) break;
      from = next;
    }
    const own = places.map(({ buildId }) => buildId);
    expect(found.filter((id) => own.includes(id))).toEqual([own[0], own[2]]);
    expect(found).toEqual([...new Set(found)].toSorted((a, b) => a - b));
  });
});

test('who comes back later than the leases last cannot commit: PostgreSQL has ended the transaction', async () => {
  const world = inPostgres();
  const place = await world.chunk();
  const frozen = async (): Promise<boolean> => {
    await source.owner.query('SELECT pg_sleep(0.6)');
    return true;
  };
  await expect(world.moves.move([moveOf(place)], 200, frozen)).rejects.toMatchObject({
    failure: 'unavailable',
  });
  expect(await world.rowOf(place.id)).toMatchObject({ store: 4, lockVersion: 0 });
});

test('a lock_version that cannot grow any more keeps its chunk where it is', async () => {
  const world = inPostgres();
  const place = await world.chunk();
  await source.owner.query('UPDATE ci_build_trace_chunks SET lock_version = $2 WHERE id = $1', [
    place.id,
    2_147_483_647,
  ]);
  const move = { ...moveOf(place), lockVersion: 2_147_483_647 };
  expect((await world.moves.move([move], 5_000, yes)).ids.size).toBe(0);
});
