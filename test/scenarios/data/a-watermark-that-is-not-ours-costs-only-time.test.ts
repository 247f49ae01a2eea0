import { createCodec } from '../../../lib/avro/codec';
import { createRegistry } from '../../../lib/avro/registry';
import { loadSchema } from '../../../lib/avro/schema-file';
import { partitionOf } from '../../../lib/kafka/producer';
import { topicNames } from '../../../lib/kafka/topics/topics';
import { systemClock } from '../../../lib/process/clock';
import type { SweepProgress } from '../../../schemas/generated';
import { operatorProduces } from '../../support/scenario/operator-actions';
import { statusOf } from '../../support/scenario/status-of';
import { until } from '../../support/until';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });
const topic = topicNames.progress;
// Without the watchdog of change capture, whose sweep at each start would find what a watermark hides.
const quiet = { CONNECT_URL: '' };

/** As any client with the right to write there could: every shard's watermark, with a change. */
async function overwrite(change: Partial<SweepProgress>): Promise<void> {
  const scenario = ground();
  const registry = createRegistry({
    url: scenario.stack.addresses.registryUrl,
    clock: systemClock,
  });
  const codec = createCodec<SweepProgress>(registry, {
    subject: scenario.named(`${topic}-value`),
    schema: loadSchema(topic),
  });
  const [database] = await scenario.sql<{ systemIdentifier: string; timeline: number }>(
    `SELECT system_identifier::text AS "systemIdentifier", timeline_id AS timeline
     FROM pg_control_system(), pg_control_checkpoint()`,
  );
  const shards = await scenario.sql<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits
     WHERE inhparent = 'p_ci_job_artifacts'::regclass`,
  );
  const records = shards.flatMap(({ name }) =>
    (['due', 'full'] as const).map(async (sweep) => {
      const shard = name.includes('.') ? name : `public.${name}`;
      const value = await codec.encode({
        ...{ sweep, shard, epoch: 0, complete: false, atMs: Date.now(), lsn: 1 },
        ...{ ...database!, databaseName: scenario.scope.database },
        ...{ expireAt: null, tieExpireAt: null, tieJob: null },
        ...{ expireAtUs: null, tieExpireAtUs: null, tieJobId: null },
        ...change,
      });
      return { key: `${sweep}/${shard}`, partition: partitionOf(`due/${shard}`, 12), value };
    }),
  );
  await operatorProduces(scenario, topic, await Promise.all(records));
}

test('watermarks that cannot be right hide nothing and halt nothing', async () => {
  const scenario = ground();
  const inAYear = Date.now() + 365 * 86_400_000;
  await overwrite({ expireAt: `${inAYear}000`, atMs: inAYear });
  await overwrite({ tieExpireAt: 'infinity', tieJob: '1' });
  await overwrite({ epoch: 2_147_483_647, complete: true });
  const damaged = Buffer.from('no watermark');
  const everywhere = Array.from({ length: 12 }, (_, partition) => ({
    ...{ partition, key: 'due/public.x', value: damaged },
  }));
  await operatorProduces(scenario, topic, everywhere);
  const due = await scenario.world.manyArtifacts({ count: 20, expireInMs: -1 });
  const sweep = scenario.run('expired-artifacts', quiet);
  const deleter = scenario.run('artifact-deleter');
  await scenario.gone(due);
  expect((await sweep.logged('state.passed-over'))['topic']).toBe(scenario.named(topic));
  await Promise.all([sweep.stop(), deleter.stop()]);
});

test('a watermark that is ahead of the database holds the sweeps; status names it and the command that puts it right', async () => {
  const scenario = ground();
  await overwrite({ lsn: 2 ** 52 });
  const due = await scenario.world.manyArtifacts({ count: 20, expireInMs: -1 });
  scenario.expectError(/"event":"database.held"/);
  const sweep = scenario.run('expired-artifacts', quiet);
  await sweep.logged('database.held');
  await until('status names the watermark', async () => {
    const said = JSON.stringify(await statusOf(scenario, 'expired-artifacts'));
    return /The watermark (due|full)\/\S+ on afterbuild\.progress was read at position 4503599627370496 .*afterbuild accept-database --reason/.test(
      said,
    );
  });
  await scenario.command(['accept-database', '--reason', 'not ours', '--yes'], 'deleter');
  const deleter = scenario.run('artifact-deleter');
  await scenario.gone(due);
  await sweep.stop();

  // Once it is put right it stays so: the next start reads the same topic.
  const next = scenario.run('expired-artifacts', quiet);
  const more = await scenario.world.manyArtifacts({ count: 20, expireInMs: -1 });
  await scenario.gone(more);
  expect(next.events('database.held')).toEqual([]);
  await Promise.all([next.stop(), deleter.stop()]);
});
