import { VirtualClock } from '../../../test/support/memory/virtual-clock';
import { Brokers } from './brokers';
import type { InnerBroker, InnerCluster } from './internals';
import { TimeLimitError } from './limited';

const never = new Promise<never>(() => undefined);

function clusterOf(count: number) {
  const cut: number[] = [];
  const brokers = Array.from({ length: count }, (_, nodeId) => ({
    nodeId,
    isConnected: () => true,
    connectionPool: {
      pool: [{ rejectRequests: () => cut.push(nodeId), disconnect: () => Promise.resolve() }],
    },
  })) as unknown as InnerBroker[];
  const cluster = {
    brokerPool: {
      brokers: Object.fromEntries(brokers.entries()),
      findConnectedBroker: () => Promise.reject(new Error('nobody')),
    },
    refreshMetadata: () => Promise.resolve(),
  } as unknown as InnerCluster;
  const clock = new VirtualClock();
  const asked = new Brokers(
    cluster,
    clock,
    () => clock.nowMs(),
    () => 0,
  );
  return { asked, brokers, clock, cluster, cut };
}

test('the first answer counts, and who keeps silent is cut off and avoided for a while', async () => {
  const { asked, clock, cluster, cut } = clusterOf(2);
  const answer = await asked.ask(1_000, ({ nodeId }) =>
    nodeId === 0 ? never : Promise.resolve(nodeId),
  );
  expect(answer).toBe(1);
  await clock.pass(1_000);
  expect(cut).toEqual([0]);
  expect((await cluster.brokerPool.findConnectedBroker()).nodeId).toBe(1);
  await clock.pass(5_000);
  expect((await cluster.brokerPool.findConnectedBroker()).nodeId).toBe(0);
});

test('a broker that has a join to answer is not asked, and does not count as silent', async () => {
  const { asked, brokers, clock, cut } = clusterOf(2);
  let end!: () => void;
  const joining = asked.whileJoining(brokers[0]!, () => new Promise<void>((done) => (end = done)));
  expect([asked.hasJoin(brokers[0]!), asked.hasJoin(brokers[1]!)]).toEqual([true, false]);
  const seen: unknown[] = [];
  const note = ({ nodeId }: InnerBroker) => Promise.resolve(seen.push(nodeId));
  await asked.ask(1_000, note);
  await asked.whileJoining(brokers[1]!, async () => {
    await expect(asked.ask(1_000, note)).rejects.toThrow('has a join to answer first');
  });
  await clock.pass(10_000);
  expect([seen, cut]).toEqual([[1], []]);
  end();
  await joining;
  await asked.ask(1_000, note);
  expect(seen).toContain(0);
});

test('when no broker answers in time the request fails', async () => {
  const { asked, clock, cut } = clusterOf(1);
  const failing = expect(asked.ask(1_000, () => never)).rejects.toBeInstanceOf(TimeLimitError);
  await clock.pass(1_000);
  await failing;
  expect(cut).toEqual([0]);
});
