/** A runtime on a client in memory, quick enough for tests that wait for conditions. */
import { pino } from 'pino';
import type { ConsumerClient } from '../../../lib/kafka/client-port';
import { FailurePublisher } from '../../../lib/runtime/failures/failure-publisher';
import type { Outcome } from '../../../lib/runtime/outcome';
import type { OutgoingRecord } from '../../../lib/kafka/producer';
import { Runtime } from '../../../lib/runtime/member/runtime';
import { defaultSettings, type ConsumerSettings } from '../../../lib/runtime/settings';
import type { ConsumedRecord, Subscription } from '../../../lib/runtime/subscription';
import { systemClock, type Clock } from '../../../lib/process/clock';
import { MemoryConsumerClient } from './memory-consumer-client';

export const at = { topic: 'things', partition: 0 };
export const other = { topic: 'things', partition: 1 };

export const quick: ConsumerSettings = {
  ...defaultSettings,
  retryFirstMs: 1,
  retryMaxMs: 2,
  roomWaitMs: 1,
  commitEveryMs: 1,
  triesInPlace: 5,
};

/** Runs everything that can run until the condition holds. */
export async function eventually(condition: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error(`never: ${condition.toString()}`);
    await new Promise(setImmediate);
  }
}

export type Handle = (record: ConsumedRecord<string>) => Outcome | Promise<Outcome>;

export interface Fixture {
  readonly client: MemoryConsumerClient;
  readonly runtime: Runtime;
  readonly lines: Record<string, unknown>[];
  readonly fatal: Error[];
  /** The records on retry and dead-letter topics. */
  readonly letters: OutgoingRecord[];
  /** Set to make their producer fail. */
  lettersError: (records: readonly OutgoingRecord[]) => Error | null;
  /** Everything that was passed to the handler, in that order. */
  readonly handled: ConsumedRecord<string>[];
  committed(partition?: number): number | undefined;
  /** Joins and waits until partition 0 is open. */
  join(): Promise<void>;
}

const created = new Set<Runtime>();

/** Also for a failed test: running work would keep jest from ending. */
afterEach(async () => {
  await Promise.all([...created].map((runtime) => runtime.stop(1_000)));
  created.clear();
});

export function createFixture(
  handle: Handle,
  over: Partial<Subscription<string>> = {},
  settings: Partial<ConsumerSettings> = {},
  clock: Clock = systemClock,
  wrap: (client: ConsumerClient) => ConsumerClient = (client) => client,
): Fixture {
  const client = new MemoryConsumerClient();
  const lines: Record<string, unknown>[] = [];
  const fatal: Error[] = [];
  const handled: ConsumedRecord<string>[] = [];
  const letters: OutgoingRecord[] = [];
  const producer = {
    send: (records: readonly OutgoingRecord[]) => {
      const error = fixture.lettersError(records);
      if (error) return Promise.reject(error);
      letters.push(...records);
      return Promise.resolve(records.map(() => null));
    },
  };
  const write = (line: string): void => void lines.push(JSON.parse(line) as (typeof lines)[0]);
  const subscription: Subscription<string> = {
    topic: 'things',
    start: 'committed',
    maxRecords: 10,
    decode: (value) => value?.toString() ?? '',
    handle: (records) => {
      handled.push(...records);
      return Promise.all(records.map(async (one) => handle(one)));
    },
    ...over,
  };
  const runtime = new Runtime({
    client: wrap(client),
    settings: { ...quick, ...settings },
    logger: pino({ level: 'info' }, { write }),
    clock,
    random: () => 0,
    onFatal: (error) => fatal.push(error),
    subscriptions: [subscription],
    publisher: new FailurePublisher(producer, 'group', clock),
  });
  created.add(runtime);
  const fixture: Fixture = {
    client,
    letters,
    lettersError: () => null,
    runtime,
    lines,
    fatal,
    handled,
    committed: (partition = 0) => client.committed.get(`things/${partition}`)?.offset,
    join: async () => {
      client.join([at]);
      await eventually(() => !client.paused.has('things/0'));
    },
  };
  return fixture;
}

/** A promise that the test settles. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
