import { Client } from 'pg';
import { unlockArtifacts } from '../../../ops/gitlab/changes';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import { BothFlows } from '../../support/scenario/both-flows';
import { inFull, lasts, longTest } from '../../support/faults';
import type { RunningProcess } from '../../support/scenario/running-process';
import { useScenario } from '../../support/scenario/use-scenario';
import { asSuperuser, superuserConfig } from '../../support/stack/stack';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'streamed' });
const secondsMs = 120_000;

let flows: BothFlows;
let processes: readonly RunningProcess[];
let lockedLongAgo: ArtifactEntry;

beforeAll(async () => {
  flows = new BothFlows(ground());
  processes = flows.run();
  await flows.more();
  await flows.done();
});

beforeEach(async () => {
  lockedLongAgo = await ground().world.anArtifact({ expireInMs: -86_400_000, locked: 1 });
});

/** Only the change stream can find it: its expiry lies far behind the watermark. */
afterEach(async () => {
  await unlockArtifacts(ground().gitlab, [lockedLongAgo]);
  await ground().gone([lockedLongAgo], secondsMs);
  await flows.done(secondsMs);
  expect(processes.map(({ exit }) => exit)).toEqual(processes.map(() => undefined));
});

longTest('PostgreSQL is restarted in order', async () => {
  const { postgres } = ground().stack.servers;
  await flows.more({ artifacts: 1_000 });
  await postgres.stop();
  await lasts(60_000);
  await postgres.start();
});

test('PostgreSQL is stopped at once (SIGQUIT) and recovers from its log', async () => {
  const { postgres } = ground().stack.servers;
  for (let round = 0; round < inFull(5, 1); round += 1) {
    await flows.more({ artifacts: 1_000 });
    process.kill(postgres.pid()!, 'SIGQUIT');
    await until('PostgreSQL has ended', () => postgres.pid() === undefined);
    await postgres.start();
  }
});

test('every connection is ended by the administrator, again and again', async () => {
  await flows.more({ artifacts: 1_000 });
  for (let round = 0; round < inFull(60, 4); round += 1) {
    await asSuperuser(ground().stack, 'postgres', (client) =>
      client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = $1 AND usename LIKE 'afterbuild%'`,
        [ground().scope.database],
      ),
    );
    await lasts(500);
  }
});

test(
  'a forgotten transaction pins the horizon: what expires meanwhile goes all the same',
  async () => {
    const { stack, scope, world } = ground();
    const forgotten = new Client({ ...superuserConfig(stack), database: scope.database });
    await forgotten.connect();
    try {
      await forgotten.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await forgotten.query('SELECT count(*) FROM p_ci_job_artifacts');
      for (let round = 0; round < inFull(20, 1); round += 1) {
        await ground().gone(await world.manyArtifacts({ count: 2_000 }), secondsMs);
      }
      await flows.more();
      await flows.done(secondsMs);
    } finally {
      await forgotten.end();
    }
  },
  inFull(1_200_000, 300_000),
);
