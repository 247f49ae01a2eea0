/** Checks what must hold immediately before an effect, by the state of the brokers. */
import type { ConsumedRecord } from '../../../lib/runtime/subscription';
import type { CheckedProcess } from '../checks';
import { keyOf } from '../simulated-broker';
import type { World } from '../world';

const proofShare = 2 / 3;

export function checkBegin(
  world: World,
  process: CheckedProcess,
  records: readonly ConsumedRecord<unknown>[],
): void {
  if (!world.brokers) return;
  checkProof(world, process);
  // Work that waits for the registry may have begun before commits were refused.
  if (process.client.refusedSinceMs === Infinity || world.plan.asksRegistry) return;
  for (const record of records) checkWindow(world, process, record);
}

/** The group has answered a request that was sent within two thirds of a session. */
function checkProof({ checks, time }: World, { host, client, settings }: CheckedProcess): void {
  const agedMs = time.nowMs - client.provedAtMs;
  if (agedMs < proofShare * settings.sessionTimeoutMs) return;
  checks.fail(`${host.name} begins an effect ${agedMs} ms after the last proof of its membership`);
}

/** While commits are refused nothing begins beyond one window of the committed offset. */
function checkWindow(
  { broker, checks }: World,
  { holdings, settings, host }: CheckedProcess,
  record: ConsumedRecord<unknown>,
): void {
  const holding = holdings.get(keyOf(record));
  if (holding?.commits !== true) return;
  const committed = broker.committed.get(keyOf(record))?.offset ?? 0;
  const end = Math.max(committed, holding.before.offset) + settings.windowRecords;
  if (record.offset < end) return;
  const place = `${keyOf(record)}@${record.offset}`;
  checks.fail(`${host.name} begins ${place} while commits are refused; its window ends at ${end}`);
}
