/** Which answers of PostgreSQL count as success, and what a refusal by its role does to a connection. */
import type { PostgresSession } from '../../lib/stores/postgres/pool';
import { ArtifactSource } from '../support/records/artifact-source';

const source = new ArtifactSource(`answers_${process.pid}`);

beforeAll(() => source.open(), 60_000);
afterAll(() => source.close());

const statement = (name: string, text: string) => ({ name, text });
const begin = statement('begin', 'BEGIN');
const commit = statement('commit', 'COMMIT');
const wrong = statement('wrong', 'SELECT 1 / 0');
const whoAmI = statement('pid', 'SELECT pg_backend_pid() AS pid');

const pidOf = async (session: Pick<PostgresSession, 'query'>): Promise<number> =>
  (await session.query<{ pid: number }>(whoAmI))[0]!.pid;

test('a COMMIT that PostgreSQL answers with ROLLBACK has committed nothing', async () => {
  const pool = source.pool('afterbuild_deleter');
  const committed = pool.withSession(async (session) => {
    await session.query(begin);
    await session.query(wrong).catch(() => undefined);
    await session.query(commit);
  });
  await expect(committed).rejects.toMatchObject({
    name: 'PostgresError',
    failure: 'unavailable',
    message: expect.stringContaining('ROLLBACK instead of COMMIT') as string,
  });
});

test.each([
  ['a server that only reads', '25006'],
  ['one that is shut down', '57P01'],
  ['one that is starting', '57P03'],
])('after a refusal by %s (%s) the next question goes over a new connection', async (_, code) => {
  const pool = source.pool('afterbuild_deleter');
  const before = await pidOf(pool);
  const raised = statement(
    `raise-${code}`,
    `DO $$ BEGIN RAISE EXCEPTION 'not any more' USING ERRCODE = '${code}'; END $$`,
  );
  await expect(pool.query(raised)).rejects.toMatchObject({
    failure: 'unavailable',
    sqlState: code,
  });
  expect(await pidOf(pool)).not.toBe(before);
});
