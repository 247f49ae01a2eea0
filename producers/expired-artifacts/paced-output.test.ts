import { Troubles } from '../../lib/process/troubles';
import {
  artifact,
  listeningLogger,
  origin,
  SteppedClock,
} from '../../test/support/records/expired-artifacts';
import { LoopLimit } from './loop-limit';
import { LoopLimitedOutput } from './paced-output';
import type { ExpiredTopic, PlacedRecord } from './ports';
import { cutRecords } from './records';

/** Two partitions whose reader finishes as much as it is allowed to. */
class MemoryTopic implements ExpiredTopic {
  readonly partitions = 2;
  readonly log: PlacedRecord[][] = [[], []];
  readonly done = [0, 0];
  failures = 0;
  polls = 0;
  onPoll: () => void = () => undefined;

  partitionOf(): number {
    return 0;
  }

  produce(records: readonly PlacedRecord[]): Promise<(number | null)[]> {
    if (this.failures > 0) {
      this.failures -= 1;
      return Promise.reject(new Error('no broker'));
    }
    return Promise.resolve(records.map((record) => this.log[record.partition]!.push(record) - 1));
  }

  backlog() {
    this.polls += 1;
    this.onPoll();
    return Promise.resolve(
      [0, 1].map((partition) => ({
        partition,
        committed: this.done[partition]!,
        end: this.log[partition]!.length,
      })),
    );
  }
}

function setUp(limit = 1_000) {
  const topic = new MemoryTopic();
  const clock = new SteppedClock();
  const { logger } = listeningLogger();
  const troubles = new Troubles();
  const room = new LoopLimit(() => limit, 2, 1_000);
  const output = new LoopLimitedOutput(topic, room, clock, logger, troubles);
  return { topic, clock, output, troubles };
}

const records = (count: number) =>
  Array.from({ length: count }, (_, index) => {
    const due = Array.from({ length: 1_000 }, (_unused, at) =>
      artifact({ id: index * 1_000 + at }),
    );
    return cutRecords(due, origin, 'sweep')[0]!;
  });
const never = new AbortController().signal;
const atOnce = { confirm: () => Promise.resolve() };

test('a full partition overflows into the other, and both full make it wait for the reader', async () => {
  const { topic, clock, output } = setUp();
  topic.onPoll = () => {
    if (clock.sleeps.length === 3) topic.done[1] = 1;
  };
  await output.produce(records(3), never, atOnce);
  expect(topic.log.map((log) => log.map(({ key }) => key))).toEqual([
    ['100:0'],
    ['100:1000', '100:2000'],
  ]);
  expect(clock.sleeps).toEqual([200, 200, 200]);
});

test('who waits for room hears that Kafka answers, and only then', async () => {
  const { topic, clock, output } = setUp();
  const heardAt: number[] = [];
  topic.onPoll = () => {
    if (clock.sleeps.length === 2) topic.done[1] = 1;
  };
  await output.produce(records(3), never, {
    ...atOnce,
    onAnswer: () => heardAt.push(clock.sleeps.length),
  });
  expect(heardAt).toEqual([1, 2]);
});

test('what has waited is confirmed before it is sent, once a wait, and leaves its room when it is not true any more', async () => {
  const { topic, clock, output } = setUp();
  topic.onPoll = () => {
    if (clock.sleeps.length === 2) topic.done[1] = 1;
  };
  let asked = 0;
  const confirm = () => {
    asked += 1;
    return Promise.reject(new Error('replaced'));
  };
  await expect(output.produce(records(3), never, { confirm })).rejects.toThrow('replaced');
  expect([asked, topic.log.map((log) => log.length)]).toEqual([1, [1, 1]]);
  await output.produce(records(1), never, { confirm });
  expect([asked, topic.log.map((log) => log.length)]).toEqual([1, [1, 2]]);
});

test('a reader that does not get on is named, until there is room', async () => {
  const { topic, clock, output, troubles } = setUp();
  const seen = new Set<number>();
  topic.onPoll = () => {
    for (const { cause, isStuck } of troubles.current) {
      expect([cause, isStuck]).toEqual([expect.stringMatching(/artifact-deleter makes no/), false]);
      seen.add(clock.sleeps.length);
    }
    if (clock.sleeps.length === 320) topic.done[1] = 1;
  };
  await output.produce(records(3), never, atOnce);
  expect([Math.min(...seen), Math.max(...seen)]).toEqual([301, 320]);
  expect(troubles.current).toEqual([]);
});

test('a wait ends with the signal', async () => {
  const { topic, output } = setUp();
  const ending = new AbortController();
  topic.onPoll = () => {
    if (topic.polls === 4) ending.abort(new Error('stop'));
  };
  await expect(output.produce(records(3), ending.signal, atOnce)).rejects.toThrow('stop');
});

test('a failed send leaves its room for the repetition', async () => {
  const { topic, output } = setUp();
  topic.failures = 1;
  await expect(output.produce(records(2), never, atOnce)).rejects.toThrow('no broker');
  await output.produce(records(2), never, atOnce);
  expect(topic.log.map((log) => log.length)).toEqual([1, 1]);
});

test('what others have produced is looked at before the first record, and again later', async () => {
  const { topic, clock, output } = setUp(10_000);
  await output.produce(records(1), never, atOnce);
  await output.produce(records(1), never, atOnce);
  expect(topic.polls).toBe(1);
  clock.ms += 1_001;
  await output.produce(records(1), never, atOnce);
  expect(topic.polls).toBe(2);
});

test('without records to produce there is no request', async () => {
  const { topic, output } = setUp();
  await output.produce([], never, atOnce);
  expect(topic.polls).toBe(0);
});
