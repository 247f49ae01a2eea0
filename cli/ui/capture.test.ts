import { CaptureWatch } from './capture';

/** A log whose last record is followed by the end of a transaction, which is no record. */
function sourcesOf(existing: readonly string[]) {
  const asked: string[] = [];
  const record = { headers: {}, key: null, value: Buffer.from('x') };
  const sources = {
    heartbeats: 'beats',
    changes: ['changes'],
    existing: () => Promise.resolve(existing),
    admin: {
      ends: (topic: string) => {
        asked.push(topic);
        return Promise.resolve([{ partition: 0, logStart: 0, highWatermark: 20 }]);
      },
    },
    reader: {
      async *readCompacted({ topic }: { topic: string }) {
        await Promise.resolve();
        asked.push(`read ${topic}`);
        yield { ...record, offset: 17, timestampMs: 5_000 };
        yield { ...record, offset: 18, timestampMs: 9_000 };
      },
    },
    committedAt: () => Promise.resolve(8_600),
  };
  return { sources, asked };
}

test('the delay is that of the last change; a log that has not grown is not read again', async () => {
  const { sources, asked } = sourcesOf(['beats', 'changes']);
  const watch = new CaptureWatch(sources);
  const seen = { heartbeatAtMs: 9_000, changeAtMs: 9_000, delayMs: 400 };
  expect([await watch.look(), await watch.look()]).toEqual([seen, seen]);
  expect(asked.filter((what) => what.startsWith('read'))).toEqual(['read beats', 'read changes']);
});

test('a topic that does not exist is not asked for', async () => {
  const { sources, asked } = sourcesOf([]);
  const nothing = { heartbeatAtMs: null, changeAtMs: null, delayMs: null };
  expect([await new CaptureWatch(sources).look(), asked]).toEqual([nothing, []]);
});
