import { ConnectUnavailableError, type ConnectClient } from '../lib/connect/connect-client';
import type { ConnectorStatus } from '../lib/connect/connect-client';
import type { ReplicationSlot } from '../lib/stores/postgres/replication-slot';
import type { Clock } from '../lib/process/clock';
import { awaitStreaming, type StreamingWatch } from './await-streaming';

const running: ConnectorStatus = {
  connector: { state: 'RUNNING' },
  tasks: [{ id: 0, state: 'RUNNING' }],
};
const failed: ConnectorStatus = {
  connector: { state: 'RUNNING' },
  tasks: [
    { id: 0, state: 'FAILED', trace: 'x.Outer: top\n\tat y\nCaused by: x.PSQLException: no slot' },
  ],
};
const slotAt = (confirmedFlushLsn: number, active = true, activePid = 7): ReplicationSlot => ({
  name: 's',
  plugin: 'pgoutput',
  database: 'd',
  active,
  activePid: active ? activePid : null,
  walStatus: 'reserved',
  restartLsn: 1,
  confirmedFlushLsn,
  lagBytes: 0,
});

/** Each check takes the next pair; the last one stays. Time passes only by sleeping. */
function watchOf(
  looks: readonly [ConnectorStatus | null | Error, ReplicationSlot | null][],
  formerPid: number | null = null,
): { watch: StreamingWatch; lines: string[] } {
  let nowMs = 0;
  let at = 0;
  const lines: string[] = [];
  const look = () => looks[Math.min(at, looks.length - 1)]!;
  const clock: Clock = {
    nowMs: () => nowMs,
    sleep: (ms) => {
      nowMs += ms;
      at += 1;
      return Promise.resolve();
    },
    every: () => () => undefined,
  };
  const status = (): Promise<ConnectorStatus | null> => {
    const [said] = look();
    return said instanceof Error ? Promise.reject(said) : Promise.resolve(said);
  };
  const client = { status } as unknown as ConnectClient;
  const readSlot = (): Promise<ReplicationSlot | null> => Promise.resolve(look()[1]);
  const report = (line: string): void => void lines.push(line);
  const names = { connector: 'c', slotName: 's' };
  return {
    lines,
    watch: { client, ...names, readSlot, clock, limitMs: 10_000, formerPid, report },
  };
}
const wait = (watch: StreamingWatch) => awaitStreaming(watch, new AbortController().signal);

test('is done when the slot has moved while it is in use', async () => {
  const { watch, lines } = watchOf([
    [null, null],
    [new ConnectUnavailableError('409'), null],
    [running, null],
    [running, slotAt(10, false)],
    [running, slotAt(10)],
    [running, slotAt(11)],
  ]);
  expect((await wait(watch)).confirmedFlushLsn).toBe(11);
  expect(lines).toHaveLength(5);
});

test('RUNNING with an active slot that does not move is not streaming', async () => {
  const { watch } = watchOf([[running, slotAt(10)]]);
  await expect(wait(watch)).rejects.toThrow(/does not stream after 10 s.*waiting for a heartbeat/);
});

test('the stream from before a restart does not count', async () => {
  const { watch } = watchOf(
    [
      [running, slotAt(10, true, 7)],
      [running, slotAt(11, true, 7)],
      [running, slotAt(12, true, 8)],
      [running, slotAt(13, true, 8)],
    ],
    7,
  );
  expect((await wait(watch)).confirmedFlushLsn).toBe(13);
});

test('a task that stays FAILED ends the wait with its last cause', async () => {
  const { watch } = watchOf([[failed, null]]);
  await expect(wait(watch)).rejects.toThrow('The connector c failed: no slot.');
});

test('a FAILED left over from before a restart is waited out', async () => {
  const { watch } = watchOf([
    [failed, null],
    [running, slotAt(10)],
    [running, slotAt(11)],
  ]);
  await expect(wait(watch)).resolves.toMatchObject({ confirmedFlushLsn: 11 });
});
