/** Removes everything that a scenario has made in the shared stack. */
import type { Admin } from 'kafkajs';
import type { RunningStack } from '../../../ops/local/stack/running-stack';
import { asSuperuser } from '../stack/stack';
import { until } from '../until';

const answerMs = 30_000;

/** No error when there is none. */
export async function dropConnector(stack: RunningStack, name: string): Promise<void> {
  const url = `${stack.addresses.connectUrl}/connectors/${name}`;
  await fetch(url, { method: 'DELETE', signal: AbortSignal.timeout(answerMs) });
}

/** Ends its readers; no error when there is none. */
export async function dropSlot(stack: RunningStack, name: string): Promise<void> {
  await asSuperuser(stack, 'postgres', async (client) => {
    await client.query(
      `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
       WHERE slot_name = $1 AND active_pid IS NOT NULL`,
      [name],
    );
    await until('the slot is free', async () => {
      const { rows } = await client.query(
        'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active',
        [name],
      );
      return rows.length === 0;
    });
    await client.query(
      'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1',
      [name],
    );
  });
}

/**
 * Otherwise the broker would keep the partitions of all scenarios open until the last one has ended.
 * @param namespace of the scenario; Debezium puts the name of its heartbeat's topic in front of it.
 */
export async function dropTopics(admin: Admin, namespace: string): Promise<void> {
  const topics = (await admin.listTopics()).filter((topic) => topic.includes(namespace));
  await admin.deleteTopics({ topics, timeout: answerMs });
}
