import { MemoryLedger, type LedgerState } from '../ledger';
import type { TraceLedgerEntry } from './trace-ledger';

const born: TraceLedgerEntry = {
  kind: 'trace',
  buildId: 7,
  partitionId: 100,
  projectId: 1,
  counted: true,
};

async function after(...entries: TraceLedgerEntry[]): Promise<LedgerState> {
  const ledger = new MemoryLedger();
  ledger.append([born, ...entries]);
  return ledger.read();
}

test('a trace is as long as the farthest byte that was taken', async () => {
  const { traces } = await after(
    { kind: 'appended', buildId: 7, toByte: 300 },
    { kind: 'appended', buildId: 7, toByte: 200 },
  );
  expect(traces.get(7)).toMatchObject({ lengthBytes: 300, finished: false, gone: 'no' });
});

test('what was finished, lost, erased or left is known', async () => {
  const { traces, orphans } = await after(
    { kind: 'finished', buildIds: [7] },
    { kind: 'lost', buildId: 7, fromByte: 10, toByte: 20 },
    { kind: 'trace-stays', buildId: 7, why: 'too large' },
    { kind: 'trace-going', buildIds: [7] },
    { kind: 'trace-gone', buildIds: [7] },
    { kind: 'orphaned', keys: ['a'] },
  );
  expect(traces.get(7)).toMatchObject({
    finished: true,
    lost: [{ fromByte: 10, toByte: 20 }],
    stays: 'too large',
    gone: 'gone',
  });
  expect([...orphans]).toEqual(['a']);
});

test('a build without a trace may be erased, but bytes need a trace', async () => {
  await expect(after({ kind: 'trace-gone', buildIds: [8] })).resolves.toBeDefined();
  await expect(after({ kind: 'appended', buildId: 8, toByte: 1 })).rejects.toThrow(
    'before its birth',
  );
});
