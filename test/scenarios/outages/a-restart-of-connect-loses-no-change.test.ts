import type { PoolClient } from 'pg';
import { createConnectClient } from '../../../lib/connect/connect-client';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import { useScenario } from '../../support/scenario/use-scenario';
import { asSuperuser } from '../../support/stack/stack';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'streamed' });
const secondsMs = 120_000;

const connect = () => createConnectClient(ground().stack.addresses.connectUrl, 30_000);

/** Only its change can name it: it expired far behind the watermark. */
const lockedLongAgo = () => ground().world.anArtifact({ expireInMs: -86_400_000, locked: 1 });

async function whileStopped(work: () => Promise<unknown>): Promise<void> {
  const { slot, stack } = ground();
  await connect().stop(slot);
  await asSuperuser(stack, 'postgres', (client) =>
    until('no client streams from the slot', async () => {
      const held = 'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active';
      return (await client.query(held, [slot])).rowCount === 0;
    }),
  );
  await work();
  await connect().resume(slot);
}

const unlock = (client: PoolClient, { id }: ArtifactEntry) =>
  client.query('UPDATE p_ci_job_artifacts SET locked = 0 WHERE id = $1', [id]);

/** In bytes of write-ahead log, as the connector's position is. */
async function endOfLog(client: PoolClient): Promise<number> {
  const { rows } = await client.query<{ lsn: number }>(
    `SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8 AS lsn`,
  );
  return rows[0]!.lsn;
}

/** @returns where its commit ended, and the next record of the log begins. */
async function finishAnotherBuild(): Promise<number> {
  const { id } = await ground().world.aBuild({ status: 'running' });
  const client = await ground().gitlab.pool.connect();
  try {
    const finish = `UPDATE p_ci_builds SET status = 'success', finished_at = now() WHERE id = $1`;
    await client.query(finish, [id]);
    return await endOfLog(client);
  } finally {
    client.release();
  }
}

/**
 * A change of GitLab's open transaction begins exactly where another one's commit ended, and there the connector
 * stands. After a restart Debezium 3.6.3 took it for a change that it had sent.
 * @returns the artifacts that were changed on the way there.
 */
async function standBehindCommit(open: PoolClient): Promise<ArtifactEntry[]> {
  const changed: ArtifactEntry[] = [];
  const prefix = `${ground().scope.namespace}cdc`;
  await until(
    'the connector stands between a commit and a change',
    async () => {
      const artifact = await lockedLongAgo();
      const commit = await finishAnotherBuild();
      const begin = await endOfLog(open);
      await unlock(open, artifact);
      changed.push(artifact);
      if (begin !== commit) return false;
      let stored = 0;
      await until('the connector has stored a position behind the commit', async () => {
        stored = (await connect().storedLsn(ground().slot, prefix)) ?? 0;
        return stored >= commit;
      });
      return stored === commit;
    },
    secondsMs,
  );
  return changed;
}

test('a transaction that is open while Connect restarts loses none of its changes', async () => {
  const scenario = ground();
  // Without Connect's address no process notices that it stops: so a change named the deleted artifacts, not a repair.
  scenario.run('expired-artifacts', { CONNECT_URL: '', SWEEP_FULL_EVERY_MS: '86400000' });
  scenario.run('artifact-deleter');
  await scenario.gone([await scenario.world.anArtifact()]);
  const first = await lockedLongAgo();
  const open = await scenario.gitlab.pool.connect();
  const changed = [first];
  try {
    await open.query('BEGIN');
    await unlock(open, first);
    changed.push(...(await standBehindCommit(open)));
    await whileStopped(() => open.query('COMMIT'));
  } finally {
    open.release();
  }
  scenario.ledger.append([{ kind: 'changed', ids: changed.map(({ id }) => id), locked: 0 }]);
  await scenario.gone(changed, secondsMs);
}, 300_000);
