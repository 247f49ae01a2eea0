/** Topics, schemas and a slot for one run; no connector, since nothing changes while it runs. */
import { runAfterbuild } from '../ops/local/prepare';
import type { RunningStack } from '../ops/local/stack/running-stack';
import { stackEnvironment, type StackScope } from '../ops/local/stack/stack-environment';
import { asSuperuser } from './bench-source';

/** @param more variables besides those of the stack, for example TOPIC_PARTITIONS. */
export async function prepareBench(
  stack: RunningStack,
  scope: StackScope,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const environment = { ...stackEnvironment(stack, 'reader', scope), ...more };
  await runAfterbuild(['topics', 'apply'], environment);
  await runAfterbuild(['schemas', 'register'], environment);
  await asSuperuser(stack, scope.database, (client) =>
    client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [scope.database]),
  );
}

/** The slot would hold back the write-ahead log of all later runs. */
export async function dropSlot(stack: RunningStack, database: string): Promise<void> {
  await asSuperuser(stack, 'postgres', (client) =>
    client.query('SELECT pg_drop_replication_slot($1)', [database]),
  );
}
