/**
 * Settles a chunk that is both in its row and in Redis: a crash came between the commit and the removal of the key, or
 * a stalled GitLab process wrote to the key meanwhile. All readers read the row.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { chunkBytes, chunkRedisKey, chunkStore } from '../../../lib/gitlab/trace-chunks';
import type { Choice } from './choose';
import type { GuardDependencies } from './dependencies';

/**
 * - `drop`: the row has all of it; GitLab may have appended there since;
 * - `take`: Redis has more, behind the row's bytes: bytes that were acknowledged to a runner;
 * - `leave`: the two are different traces; nothing proves which bytes are not needed.
 */
export function judgeLeftover(inRow: Buffer, inRedis: Buffer): 'drop' | 'take' | 'leave' {
  const common = Math.min(inRow.length, inRedis.length);
  if (!inRow.subarray(0, common).equals(inRedis.subarray(0, common))) return 'leave';
  if (inRedis.length <= inRow.length) return 'drop';
  return inRedis.length <= chunkBytes ? 'take' : 'leave';
}

/**
 * Under the leases of each chunk.
 * @param left chunks of the database, each with its present row. @returns how many keys were removed.
 */
export async function settle(
  dependencies: GuardDependencies,
  left: readonly Choice[],
  mayCommit: () => Promise<boolean>,
): Promise<number> {
  let settled = 0;
  for (const choice of left) settled += await settleOne(dependencies, choice, mayCommit);
  return settled;
}

async function settleOne(
  dependencies: GuardDependencies,
  { trace, row, partitionId }: Choice,
  mayCommit: () => Promise<boolean>,
): Promise<number> {
  const { rows, chunks, moves, logger, leaseMs, logged } = dependencies;
  const key = chunkRedisKey(trace.buildId, row.index);
  let inRow = (await rows.readRawData([row.id])).get(row.id);
  let { lockVersion } = row;
  let settled = 0;
  for (const live of [chunks.traceChunks, chunks.sharedState]) {
    const [inRedis] = await live.read([key]);
    if (!inRedis || !inRow) continue;
    const verdict = judgeLeftover(inRow, inRedis);
    if (verdict === 'leave') {
      const fields = { event: 'guard.left', partitionId, buildId: trace.buildId, index: row.index };
      const level = logged.isNews(partitionId, trace.buildId, 'left') ? 'warn' : 'debug';
      logger[level](fields, 'a chunk lies in Redis and in its row, and the two differ: both stay');
      continue;
    }
    if (verdict === 'take') {
      const sum = { bytes: inRedis, crc32: crc32(inRedis) };
      const place = { id: row.id, buildId: trace.buildId, index: row.index };
      const taken = { ...place, store: chunkStore.database, lockVersion, ...sum };
      const { ids } = await moves.move([taken], leaseMs / 2, mayCommit);
      if (!ids.has(row.id)) continue;
      inRow = inRedis;
      lockVersion += 1;
    }
    const sha1 = createHash('sha1').update(inRedis).digest('hex');
    const [isGone] = await live.removeUnchanged([{ key, sizeBytes: inRedis.length, sha1 }]);
    if (isGone === true) settled += 1;
  }
  return settled;
}
