import { KafkaJSConnectionError, KafkaJSError } from 'kafkajs';
import { pino } from 'pino';
import { VirtualClock } from '../../../test/support/memory/virtual-clock';
import { Brokers } from './brokers';
import { Coordinator } from './coordinator';
import { GroupMember } from './group-member';
import type { InnerCluster } from './internals';

const sessionTimeoutMs = 9_000;
const logger = pino({ level: 'silent' });

class Refusal extends KafkaJSError {
  constructor(readonly type: string) {
    super(type);
  }
}

/** A broker that answers as scripted; a frozen one answers nothing. */
class TestBroker {
  frozen = false;
  refusal: string | null = null;
  /** Kafka refuses to name the coordinator to a principal without DESCRIBE on the group. */
  deniesLook = false;
  readonly asked: string[] = [];
  readonly #waiting = new Set<(error: Error) => void>();
  readonly connectionPool = {
    pool: [
      {
        rejectRequests: (error: Error): void => this.#waiting.forEach((reject) => reject(error)),
        disconnect: (): Promise<void> => Promise.resolve(),
      },
    ],
  };

  constructor(
    readonly nodeId: number,
    readonly coordinates: () => number,
  ) {}

  readonly isConnected = (): boolean => true;
  readonly findGroupCoordinator = (): Promise<unknown> => {
    if (this.frozen) return new Promise(() => undefined);
    if (this.refusal === 'gone') return Promise.reject(new KafkaJSConnectionError('gone'));
    if (this.deniesLook) return Promise.reject(new Refusal('GROUP_AUTHORIZATION_FAILED'));
    return Promise.resolve({ coordinator: { nodeId: this.coordinates() } });
  };
  readonly heartbeat = (): Promise<unknown> => this.#answer('heartbeat', undefined);
  readonly joinGroup = (): Promise<unknown> =>
    this.#answer('join', { memberId: 'a', generationId: 7 });
  readonly syncGroup = (): Promise<unknown> => this.#answer('sync', undefined);

  #answer<T>(what: string, answer: T): Promise<T> {
    this.asked.push(what);
    if (this.frozen) return new Promise((_, reject) => void this.#waiting.add(reject));
    if (this.refusal === 'gone') return Promise.reject(new KafkaJSConnectionError('gone'));
    if (this.refusal === null) return Promise.resolve(answer);
    return Promise.reject(new Refusal(this.refusal));
  }
}

function group() {
  const clock = new VirtualClock();
  const state = { coordinator: 1, proofs: 0, joinsWanted: 0 };
  const brokers = [1, 2, 3].map((id) => new TestBroker(id, () => state.coordinator));
  const cluster = {
    brokerPool: {
      brokers: Object.fromEntries(brokers.map((one) => [one.nodeId, one])),
      findConnectedBroker: () => Promise.reject(new Error('nobody')),
    },
    findBroker: ({ nodeId }: { nodeId: string }) => Promise.resolve(brokers[Number(nodeId) - 1]),
    refreshMetadata: () => Promise.resolve(),
  } as unknown as InnerCluster;
  const nowMs = (): number => clock.nowMs();
  const coordinator = new Coordinator({
    ...{ groupId: 'readers', clock, logger, requestLimitMs: 3_000 },
    brokers: new Brokers(cluster, clock, nowMs, () => 0),
  });
  const member = new GroupMember({
    ...{ coordinator, groupId: 'readers', clock, logger, nowMs, sessionTimeoutMs },
    heartbeatEveryMs: 2_000,
    onProved: () => (state.proofs += 1),
    onJoinWanted: () => (state.joinsWanted += 1),
  });
  member.start();
  const joined = async (): Promise<void> => {
    await member.join({});
    await member.sync({});
    member.joined();
  };
  const ask = (): Promise<void> =>
    member.heartbeat({ groupId: 'readers', memberId: 'a', groupGenerationId: 7 });
  return { clock, state, brokers, member, coordinator, joined, ask };
}

const broker = (brokers: readonly TestBroker[], nodeId: number): TestBroker => brokers[nodeId - 1]!;

test('a join proves membership, and heartbeats go on proving it', async () => {
  const { clock, member, joined, ask } = group();
  expect(member.isProved).toBe(false);
  await joined();
  expect(member.isProved).toBe(true);
  await clock.pass(60_000);
  expect(member.isProved).toBe(true);
  await expect(ask()).resolves.toBeUndefined();
});

test('a coordinator that moves is found again, without a join', async () => {
  const { clock, state, brokers, member, joined, ask } = group();
  await joined();
  broker(brokers, 1).refusal = 'NOT_COORDINATOR_FOR_GROUP';
  state.coordinator = 2;
  await clock.pass(5_000);
  expect(broker(brokers, 2).asked).toContain('heartbeat');
  expect(member.isProved).toBe(true);
  await expect(ask()).resolves.toBeUndefined();
});

test.each(['frozen', 'gone'])(
  'a coordinator that is %s ends the proof, and its successor gives it back',
  async (how) => {
    const { clock, state, brokers, member, joined, ask } = group();
    await joined();
    if (how === 'frozen') broker(brokers, 1).frozen = true;
    else broker(brokers, 1).refusal = 'gone';
    await clock.pass(9_000);
    expect(member.isProved).toBe(false);
    state.coordinator = 3;
    await clock.pass(5_000);
    expect(member.isProved).toBe(true);
    expect(state.proofs).toBe(2);
    await expect(ask()).resolves.toBeUndefined();
  },
);

test('a join that is not answered is made again at the broker that coordinates by then', async () => {
  const { clock, state, brokers, member } = group();
  broker(brokers, 1).frozen = true;
  const joining = member.join({});
  await clock.pass(500);
  state.coordinator = 2;
  await clock.pass(5_000);
  await expect(joining).resolves.toMatchObject({ memberId: 'a' });
  expect(broker(brokers, 2).asked[0]).toBe('join');
});

test('a join fails with the missing right on the group, although another broker is unavailable', async () => {
  const { clock, brokers, member } = group();
  for (const one of brokers) one.deniesLook = true;
  broker(brokers, 3).refusal = 'gone';
  const refused = expect(member.join({})).rejects.toMatchObject({
    type: 'GROUP_AUTHORIZATION_FAILED',
  });
  await clock.pass(5_000);
  await refused;
});

test('a join that a stop overtakes ends', async () => {
  const { clock, brokers, member, coordinator } = group();
  broker(brokers, 1).refusal = 'gone';
  const joining = member.join({});
  await clock.pass(500);
  coordinator.close();
  const ended = expect(joining).rejects.toThrow('The consumer stops.');
  await clock.pass(500);
  await ended;
});

test('a stop does not wait for the answer to a join', async () => {
  const { clock, brokers, member, coordinator } = group();
  broker(brokers, 1).frozen = true;
  const joining = member.join({});
  await clock.pass(200);
  coordinator.close();
  const ended = expect(joining).rejects.toThrow('The consumer stops.');
  await clock.pass(250);
  await ended;
});

test('the answer of the group is passed to kafkajs when it asks, and ends the proof of membership if it is a refusal', async () => {
  const { clock, state, brokers, member, joined, ask } = group();
  await joined();
  broker(brokers, 1).refusal = 'REBALANCE_IN_PROGRESS';
  await clock.pass(3_000);
  await expect(ask()).rejects.toMatchObject({ type: 'REBALANCE_IN_PROGRESS' });
  expect(member.isProved).toBe(true);
  broker(brokers, 1).refusal = 'UNKNOWN_MEMBER_ID';
  await clock.pass(3_000);
  await expect(ask()).rejects.toMatchObject({ type: 'UNKNOWN_MEMBER_ID' });
  expect(member.isProved).toBe(false);
  expect(state.joinsWanted).toBeGreaterThan(0);
});

test('a join that has ended without an assignment is made again', async () => {
  const { clock, member, joined, ask } = group();
  await joined();
  await member.drain(() => Promise.resolve());
  await expect(ask()).resolves.toBeUndefined();
  await clock.pass(1_500);
  await expect(ask()).rejects.toMatchObject({ type: 'REBALANCE_IN_PROGRESS' });
  await joined();
  await clock.pass(1_500);
  await expect(ask()).resolves.toBeUndefined();
});

test('a join that fails for what may pass is made again, also without a name to ask for heartbeats by', async () => {
  const { brokers, member } = group();
  broker(brokers, 1).refusal = 'REQUEST_TIMED_OUT';
  const again = { type: 'REBALANCE_IN_PROGRESS', retriable: true };
  await expect(member.join({})).rejects.toMatchObject(again);
  broker(brokers, 1).refusal = 'UNKNOWN_MEMBER_ID';
  await expect(member.join({})).rejects.toMatchObject({ type: 'UNKNOWN_MEMBER_ID' });
});

test('heartbeats go on during a drain, and wait for a join', async () => {
  const { clock, brokers, member, joined } = group();
  await joined();
  const beats = (): number => broker(brokers, 1).asked.filter((one) => one === 'heartbeat').length;
  let end = (): void => undefined;
  const drained = member.drain(() => new Promise((resolve) => (end = resolve)));
  await clock.pass(10_000);
  expect(beats()).toBeGreaterThan(3);
  end();
  await drained;
});
