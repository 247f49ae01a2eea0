/**
 * Rows over the whole range of PostgreSQL's types, through sweep, change path and deleter, compared with I5: an
 * artifact that may be deleted loses row and object; one that cannot be handled stays alone, and is named.
 */
import fc from 'fast-check';
import { itemsOf } from '../../consumers/artifact-deleter/decide';
import { Metrics } from '../../lib/metrics/metrics';
import { createDeletionCounts } from '../../lib/metrics/effects';
import type { OddRow } from '../../lib/metrics/set-aside';
import { PostgresArtifacts } from '../../lib/stores/postgres/artifacts';
import { PostgresArtifactDatabase } from '../../lib/stores/postgres/expired-artifacts';
import { infinity, minusInfinity, timestampOf } from '../../lib/stores/postgres/instant';
import { decideChange } from '../../producers/expired-artifacts/change';
import { readChange } from '../../producers/expired-artifacts/change-event';
import { judgeArtifact } from '../../producers/expired-artifacts/artifact-row';
import { cursorAtStart, nextRead, settlePage } from '../../producers/expired-artifacts/page';
import { progressOf, stateAtStart, stateOf } from '../../producers/expired-artifacts/progress';
import { cutRecords } from '../../producers/expired-artifacts/records';
import { ArtifactSource } from '../support/records/artifact-source';
import { deleter, record as recordOf } from '../support/memory/artifact-deletion';
import { origin } from '../support/records/expired-artifacts';
import { MemoryArtifactRows, MemoryObjects } from '../support/memory/memory-artifacts';

const source = new ArtifactSource('odd_rows');

beforeAll(() => source.open(), 60_000);
afterAll(() => source.close(), 60_000);

const int8 = fc.oneof(
  { arbitrary: fc.bigInt({ min: 1n, max: 1_000_000n }), weight: 6 },
  fc.constantFrom(0n, -1n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 53n - 1n),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);
/** −4713 to 294276, and both infinities; often about now. */
const instants = fc.oneof(
  { arbitrary: fc.bigInt({ min: 1_500_000_000_000_000n, max: 1_790_000_000_000_000n }), weight: 4 },
  fc.bigInt({ min: -210_866_803_200_000_000n, max: 9_224_318_015_999_999_999n }),
  fc.constantFrom(infinity, minusInfinity, -62_135_596_800_000_000n, -5_364_662_400_000_000n),
);
const int4 = (...often: number[]) =>
  fc.oneof({ arbitrary: fc.constantFrom(...often), weight: 6 }, fc.integer());
/** Every code point but NUL and the surrogates, which PostgreSQL refuses. */
const text = fc.oneof(
  {
    arbitrary: fc.constantFrom('artifacts.zip', 'job.log', 'report\ufffe.xml', '', 'a/b', '..'),
    weight: 6,
  },
  fc
    .string({ unit: 'binary', maxLength: 40 })
    .filter((value) => !value.includes('\u0000') && value.isWellFormed()),
  fc.constant('x'.repeat(1_100)),
);

const rows = fc.record({
  id: int8,
  partition: fc.constantFrom(100, 101, 102),
  project: int8,
  job: int8,
  type: int4(1, 2, 3),
  size: fc.option(int8),
  createdAt: instants,
  expireAt: fc.option(instants),
  file: fc.option(text),
  store: int4(2, 2, 2, 1),
  location: fc.option(fc.oneof(fc.constantFrom(1, 2), fc.integer({ min: -32_768, max: 32_767 }))),
  finalPath: fc.option(text.filter((value) => value.length <= 1_024)),
  locked: fc.option(fc.constantFrom(0, 0, 0, 0, 1, 2, -32_768, 32_767)),
});
type Row = typeof rows extends fc.Arbitrary<infer One> ? One : never;

const insert = `
  INSERT INTO p_ci_job_artifacts (id, partition_id, project_id, job_id, file_type, size, created_at,
    updated_at, expire_at, file, file_store, file_location, file_final_path, locked)
  VALUES ($1, $2, $3, $4, $5, $6, $7, now(), $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING`;

const valuesOf = (row: Row): unknown[] => [
  row.id.toString(),
  row.partition,
  row.project.toString(),
  row.job.toString(),
  row.type,
  row.size?.toString() ?? null,
  timestampOf(row.createdAt),
  row.expireAt === null ? null : timestampOf(row.expireAt),
  row.file,
  row.store,
  row.location,
  row.finalPath,
  row.locked,
];

const isId = (value: bigint): boolean => value >= 1n && value < 2n ** 53n;
const firstYear = -62_135_596_800_000_000n;
const yearAfterLast = 253_402_300_800_000_000n;
const fits = (value: string | null): boolean => value === null || Buffer.byteLength(value) <= 1_024;

/** I5, by the columns alone. */
const mayGo = ({ locked, type, store, expireAt }: Row): boolean =>
  locked === 0 && type !== 3 && store === 2 && expireAt !== null && expireAt < nowUs();
const nowUs = (): bigint => BigInt(Date.now()) * 1_000n;

const isSound = ({ id, project, job, createdAt, file, finalPath }: Row): boolean =>
  [id, project, job].every(isId) &&
  createdAt >= firstYear &&
  createdAt < yearAfterLast &&
  fits(file) &&
  fits(finalPath);

const nameOf = ({ id, partition }: Row): string => `${partition}:${id}`;

/** As Debezium writes a `timestamptz`. */
function isoOf(instant: bigint): string {
  const literal = timestampOf(instant);
  const [, year, rest, bc] = /^(\d+)(-\S+ \S+)\+00( BC)?$/.exec(literal) ?? [];
  if (year === undefined) return literal;
  const astronomical = bc === undefined ? Number(year) : 1 - Number(year);
  const digits = String(Math.abs(astronomical)).padStart(4, '0');
  const sign = astronomical < 0 ? '-' : astronomical > 9999 ? '+' : '';
  return `${sign}${digits}${(rest ?? '').replace(' ', 'T')}Z`;
}

const wide = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;

const eventOf = (row: Row): object => ({
  id: wide(row.id),
  partition_id: row.partition,
  project_id: wide(row.project),
  job_id: wide(row.job),
  file_type: row.type,
  size: row.size === null ? null : wide(row.size),
  created_at: isoOf(row.createdAt),
  expire_at: row.expireAt === null ? null : isoOf(row.expireAt),
  file: row.file,
  file_store: row.store,
  file_location: row.location,
  file_final_path: row.finalPath,
  locked: row.locked,
  __lsn: 1,
  __ts_ms: Date.now(),
  __tx_id: 1,
});

/** Everything that two sweeps find, by pages of seven; a cursor is written and read in between. */
async function swept(database: PostgresArtifactDatabase) {
  const aside: OddRow[] = [];
  const artifacts = [];
  for (const shard of await database.shards()) {
    let cursor = cursorAtStart;
    for (let caughtUp = false; !caughtUp;) {
      const { rows: read } = await database.readPage(shard, nextRead(cursor, 7));
      const settled = settlePage(cursor, read, 7);
      for (const row of settled.kept) {
        if (row.fileStore !== 2) continue;
        const { artifact, odd } = judgeArtifact(row);
        if (odd === null) artifacts.push({ ...artifact, expireAt: row.expireAt, fileStore: 2 });
        else aside.push(odd);
      }
      ({ caughtUp } = settled);
      const state = { ...stateAtStart, cursor: settled.cursor, atMs: Date.now(), origin };
      cursor = stateOf(progressOf('due', shard.name, state)).cursor;
      expect(cursor).toEqual(settled.cursor);
    }
    expect((await database.readPage(shard, nextRead(cursor, 7))).rows).toEqual([]);
  }
  return { aside, artifacts };
}

/** Ids and builds as they were drawn: no trigger, no foreign key. */
const withRows = <T>(drawn: readonly Row[], work: (inserted: readonly Row[]) => Promise<T>) =>
  source.database.asSuperuser(async (client) => {
    await client.query('SET session_replication_role = replica');
    await client.query('BEGIN');
    await client.query('DELETE FROM p_ci_job_artifacts');
    const inserted: Row[] = [];
    for (const row of drawn) {
      const { rowCount } = await client.query(insert, valuesOf(row));
      if (rowCount === 1) inserted.push(row);
    }
    await client.query('COMMIT');
    const result = await work(inserted);
    const { rows: left } = await client.query<{ name: string }>(
      `SELECT partition_id || ':' || id AS name FROM p_ci_job_artifacts`,
    );
    return { result, left: new Set(left.map(({ name }) => name)) };
  });

test('artifacts that may go are deleted, those that cannot be handled are set aside alone, for any values of the rows', async () => {
  const database = new PostgresArtifactDatabase(source.pool('afterbuild_reader'), 0);
  const rowsOfDeleter = new PostgresArtifacts(source.pool('afterbuild_deleter'));
  const counts = createDeletionCounts(new Metrics('artifact-deleter'));
  await fc.assert(
    fc.asyncProperty(fc.array(rows, { minLength: 1, maxLength: 40 }), async (drawn) => {
      const objects = new MemoryObjects();
      const unusable = new Set<string>();
      const kept: Row[] = [];
      const { left } = await withRows(drawn, async (inserted) => {
        kept.push(...inserted);
        const { aside, artifacts } = await swept(database);
        const due = inserted.filter(mayGo);
        expect(artifacts.map(({ id, partitionId }) => `${partitionId}:${id}`).sort()).toEqual(
          due.filter(isSound).map(nameOf).sort(),
        );
        expect(aside.map(({ id }) => id).sort()).toEqual(
          due
            .filter((row) => !isSound(row))
            .map(nameOf)
            .sort(),
        );
        for (const record of cutRecords(artifacts, origin, 'sweep')) {
          for (const item of itemsOf(record.value, { kind: 'same-history' }, objects)) {
            if (item.key !== null) objects.keys.add(item.key);
            if (item.fate === 'unusable') unusable.add(`${item.partitionId}:${item.artifact.id}`);
          }
          const { handle } = deleter(
            { rows: new MemoryArtifactRows(), objects },
            { rows: rowsOfDeleter, counts },
          );
          const expired = { ...recordOf([]), value: record.value, key: record.key };
          const outcomes = await handle(expired);
          expect(outcomes.map(({ kind }) => kind)).not.toContain('retry');
        }
      });
      const stays = kept.filter((row) => !mayGo(row) || !isSound(row) || unusable.has(nameOf(row)));
      expect([...left].sort()).toEqual(stays.map(nameOf).sort());
      expect([...objects.keys]).toEqual([]);
    }),
    { numRuns: 12, endOnFailure: true },
  );
}, 120_000);

test('the change path decides the same of the same rows', () => {
  fc.assert(
    fc.property(rows, (row) => {
      const change = readChange(eventOf(row));
      expect(change.odd === null).toBe(isSound(row));
      if (change.odd !== null) expect(change.odd.id).toBe(nameOf(row));
      else {
        const { kind } = decideChange(change, Date.now() * 1_000);
        expect(kind).toBe(mayGo(row) ? 'produce' : 'leave');
      }
    }),
    { numRuns: 500 },
  );
});
