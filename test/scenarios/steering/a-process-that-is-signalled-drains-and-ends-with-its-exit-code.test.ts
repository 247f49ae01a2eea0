import { randomBytes } from 'node:crypto';
import type { PoolClient } from 'pg';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import type { RunningProcess } from '../../support/scenario/running-process';
import { operatorProduces } from '../../support/scenario/operator-actions';
import { setFetchQuota } from '../../support/stack/client-quota';
import { topicNames } from '../../../lib/kafka/topics/topics';
import { useScenario } from '../../support/scenario/use-scenario';
import { asSuperuser } from '../../support/stack/stack';
import { until } from '../../support/until';
import { ask, metricOf, untilReadiness } from '../../support/scenario/health-pages';

const ground = useScenario(__filename, { changes: 'none' });

const artifacts: ArtifactEntry[] = [];
let gitlab: PoolClient;

beforeAll(() => {
  ground().run('expired-artifacts');
});

/** GitLab holds the row of an artifact that is due: the deleter's statement waits for it. */
async function whoseHandlerHangs(settings: Record<string, string> = {}): Promise<RunningProcess> {
  const scenario = ground();
  const artifact = await scenario.world.anArtifact();
  artifacts.push(artifact);
  gitlab = await scenario.gitlab.pool.connect();
  await gitlab.query('BEGIN');
  await gitlab.query('SELECT FROM p_ci_job_artifacts WHERE id = $1 FOR UPDATE', [artifact.id]);
  const deleter = scenario.run('artifact-deleter', { HTTP_PORT: '0', ...settings });
  await until('the deleter waits for the row', () =>
    asSuperuser(scenario.stack, 'postgres', async (client) => {
      const waiting = `SELECT FROM pg_stat_activity
        WHERE datname = $1 AND application_name = 'artifact-deleter' AND wait_event_type = 'Lock'`;
      return (await client.query(waiting, [scenario.scope.database])).rowCount === 1;
    }),
  );
  return deleter;
}

async function letGo(): Promise<void> {
  await gitlab.query('COMMIT');
  gitlab.release();
}

test('after SIGTERM it finishes what runs, commits it, and exits with 0', async () => {
  const deleter = await whoseHandlerHangs();
  await untilReadiness(deleter, 200);
  deleter.kill('SIGTERM');
  await deleter.logged('process.stopping');
  expect(await ask(deleter, '/readyz')).toMatchObject({
    status: 503,
    text: expect.stringContaining('is stopping') as string,
  });
  expect((await ask(deleter, '/livez')).status).toBe(200);
  await letGo();
  expect(await deleter.exited).toEqual({ code: 0, signal: null });
  expect(deleter.events('consumer.stopped')).toMatchObject([{ clean: true, drained: true }]);
  expect(await ground().behind('artifact-deleter', 'artifacts.expired')).toBe(0);
});

test('a second SIGTERM ends it at once, even if something hangs; Ctrl-C that arrives twice is one', async () => {
  const deleter = await whoseHandlerHangs({ STOP_LIMIT_MS: '600000' });
  deleter.mayFail = true;
  deleter.kill('SIGINT');
  deleter.kill('SIGINT');
  await deleter.logged('process.stopping');
  const laterMs = Date.now() + 1_000;
  await until('a second has passed', () => Date.now() > laterMs);
  expect(deleter.exit).toBeUndefined();
  deleter.kill('SIGTERM');
  await until('the process is gone', () => deleter.exit !== undefined, 5_000);
  expect(deleter.exit).toEqual({ code: 143, signal: null });
  expect(deleter.events('process.cut-short')).toMatchObject([{ exitCode: 143 }]);
  await letGo();
});

test('a handler that hangs turns readiness red and then ends the process with 6', async () => {
  const limits = { STALL_RED_MS: '1000', STALL_EXIT_MS: '3500', STOP_LIMIT_MS: '1000' };
  ground().expectError(/nothing was finished|has run for more than/);
  const deleter = await whoseHandlerHangs(limits);
  deleter.mayFail = true;
  await untilReadiness(deleter, 503, /work is waiting, and nothing was finished \(for \d s\)/);
  expect((await deleter.exited).code).toBe(6);
  await letGo();
});

test('what was cut short is done by the next one', async () => {
  const next = ground().run('artifact-deleter');
  await ground().gone(artifacts);
  await next.stop();
});

test('work that lies in Kafka and is not taken turns readiness red, and ends the process with 6', async () => {
  const scenario = ground();
  const work = new RegExp(`topic="${scenario.named(topicNames.artifactsExpired)}"`);
  const limits = { STALL_RED_MS: '4000', STALL_EXIT_MS: '12000', STOP_LIMIT_MS: '1000' };
  scenario.expectError(/are not taken/);
  const deleter = scenario.run('artifact-deleter', { HTTP_PORT: '0', ...limits });
  deleter.mayFail = true;
  await untilReadiness(deleter, 200);
  // A record that never fits into the quota of its client: each fetch is answered, and brings nothing.
  await setFetchQuota(scenario, 'artifact-deleter', 20_000);
  try {
    await operatorProduces(scenario, topicNames.artifactsExpired, [
      { partition: 3, key: '100:1', value: randomBytes(240_000) },
    ]);
    await untilReadiness(deleter, 503, /1 records of \S+\/3 lie in Kafka and are not taken/);
    expect(await metricOf(deleter, 'afterbuild_work_left_records', work)).toBe(1);
    expect(await metricOf(deleter, 'afterbuild_unfinished_records', work)).toBe(1);
    expect(await metricOf(deleter, 'afterbuild_member')).toBe(1);
    expect((await deleter.exited).code).toBe(6);
  } finally {
    await setFetchQuota(scenario, 'artifact-deleter', null);
  }
  scenario.run('artifact-deleter');
  await scenario.caughtUp('artifact-deleter', topicNames.artifactsExpired);
});
