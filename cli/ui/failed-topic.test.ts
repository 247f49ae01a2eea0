import { FailedTopics } from './failed-topic';

/** A log of one partition, which counts how often it is read. */
function logOf(count: number) {
  const read: number[] = [];
  const log = {
    ends: () => Promise.resolve([{ partition: 0, logStart: 0, highWatermark: count }]),
    async *read(_: unknown, from: number, to: number) {
      await Promise.resolve();
      read.push(to - from);
      for (let offset = from; offset < to; offset += 1) {
        const headers = {
          'afterbuild-error-kind': 'poison',
          'afterbuild-poison-reason': 'no-value',
        };
        yield { offset, timestampMs: offset, key: null, value: null, headers };
      }
    },
  };
  return { log, read };
}
const { signal } = new AbortController();

test('what waits is counted by reason, and read again only when something was written', async () => {
  const { log, read } = logOf(3);
  const topics = new FailedTopics(log);
  const counted = await topics.deadLetters('t', signal);
  expect(counted).toMatchObject({ count: 3, isPartial: false, causes: [{ reason: 'no-value' }] });
  await topics.deadLetters('t', signal);
  expect(read).toEqual([3]);
});

test('of a million dead letters only the latest are read', async () => {
  const { log, read } = logOf(1_000_000);
  const counted = await new FailedTopics(log).deadLetters('t', signal);
  expect(counted).toMatchObject({ count: 5_000, isPartial: true });
  expect(read).toEqual([5_000]);
});

test('of a retry topic all is counted by the offsets, and the latest give the reasons', async () => {
  const { log, read } = logOf(500);
  const one = { topic: 't', partition: 0, logStart: 0, logEnd: 500, committed: 10, doneBeyond: 0 };
  const counted = await new FailedTopics(log).retries('t', [one], signal);
  expect(counted).toMatchObject({ count: 490, isPartial: true, causes: [{ count: 100 }] });
  expect(read).toEqual([100]);
});
