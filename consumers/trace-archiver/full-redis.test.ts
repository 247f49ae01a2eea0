/** What the archiver does first, and what it leaves, while Redis is full. */
import { chunkBytes, chunkRedisKey } from '../../lib/gitlab/trace-chunks';
import type { WriteCondition } from './ports';
import {
  hourMs,
  ourKey,
  record,
  skipped,
  TraceGround,
} from '../../test/support/memory/trace-archive';

let ground: TraceGround;
beforeEach(() => {
  ground = new TraceGround();
});

/** A process that crashed when the row of the build was committed. */
async function diedBehindTheRow(buildId: number): Promise<Buffer> {
  const bytes = ground.trace(buildId, 5_000);
  const reach = (step: string) => {
    if (step === 'archiver.rows-committed') throw new Error('killed');
  };
  await expect(ground.archiver({ reach })(record(buildId))).rejects.toThrow('killed');
  expect(ground.traceChunks.data.has(chunkRedisKey(buildId, 0))).toBe(true);
  return bytes;
}

/** Of build 2: whether the data of build 1, which is archived, still existed when it was stored. */
async function archiveBoth(): Promise<boolean | undefined> {
  let wasThere: boolean | undefined;
  const { objects, traceChunks } = ground;
  const put = objects.put.bind(objects);
  objects.put = (key: string, body: Buffer, sha256: Buffer, condition: WriteCondition) => {
    if (key === ourKey(2)) wasThere = traceChunks.data.has(chunkRedisKey(1, 0));
    return put(key, body, sha256, condition);
  };
  const outcomes = await ground.archiver()(record(2), record(1, { attempt: 2 }));
  expect(outcomes).toEqual([{ kind: 'done' }, { kind: 'done' }]);
  return wasThere;
}

test.each([
  ['full', false],
  ['with room', true],
])('in a Redis %s the data of what is archived already goes first: %s', async (which, wasThere) => {
  const one = await diedBehindTheRow(1);
  const two = ground.trace(2, 6_000);
  ground.leases.isFull = which === 'full';
  expect(await archiveBoth()).toBe(wasThere);
  ground.expectArchived(1, one);
  ground.expectArchived(2, two);
});

test('a trace with a lost chunk waits in a full Redis, uncounted, and holds up no other', async () => {
  ground.trace(1, 3 * chunkBytes);
  ground.lose(ground.rows.chunksOf(1)[1]!);
  const two = ground.trace(2, 6_000);
  ground.leases.isFull = ground.missing.isFull = true;
  for (let read = 0; read < 4; read += 1) {
    ground.nowMs += 12 * hourMs;
    expect(await ground.archive(1)).toEqual(skipped(/has the data of chunks 1, and Redis is full/));
  }
  expect(await ground.archive(1, 2)).toEqual([...skipped(/Redis is full/), { kind: 'done' }]);
  expect(ground.objectOf(2)?.equals(two)).toBe(true);
  ground.missing.isFull = false;
  expect(await ground.archive(1)).toEqual(skipped('no store has the data of chunks 1'));
});
