import { offsetsTopic } from '../../support/stack/brokers';
import { commitAgain, commitsWithinMs } from '../../support/scenario/commits-again';
import { inFull, lasts } from '../../support/faults';
import type { RunningProcess } from '../../support/scenario/running-process';
import { useFaults } from '../../support/scenario/under-faults';
import { until } from '../../support/until';
import { useScenario } from '../../support/scenario/use-scenario';
import { ask, metricOf } from '../../support/scenario/health-pages';

const ground = useScenario(__filename, { changes: 'streamed' });
const tooFewMs = inFull(120_000, 45_000);
/** A process whose coordinator is left is still a member, and does not know what the other two brokers hold. */
const saysSo = async (process: RunningProcess): Promise<boolean> =>
  /not a member of the group|does not say what is left|accepts no commits/.test(
    (await ask(process, '/readyz')).text,
  );

/** Until all report that, and until the removed broker is back. */
const offsetsTopicMs = 60_000;
const mayStandMs = Math.max(tooFewMs, offsetsTopicMs) + commitsWithinMs;
const under = useFaults(ground, { mayStandMs });

test('the leader of a work topic is killed in the midst of commits, and its partitions go on', async () => {
  const { brokers, flows, processes } = under();
  const scenario = ground();
  const deleter = processes.find(({ name }) => name === 'artifact-deleter')!;
  const { now: coordinator } = await brokers.coordinatorOf(scenario.named('artifact-deleter'));
  const leader = await brokers.mainLeaderOf(scenario.named('artifacts.expired'), [coordinator]);
  const commits = async (): Promise<number> =>
    (await metricOf(deleter, 'afterbuild_commits_total')) ?? 0;
  const before = await commits();
  await flows.more({ artifacts: 400, traces: 0 });
  await until('the deleter commits', async () => (await commits()) > before);
  await leader.server.kill();
  await commitAgain('leader of a work topic killed', processes, Date.now());
  await leader.server.start();
  await brokers.untilInSync();
});

test('with two of three brokers frozen all stands and says so, and goes on when they wake', async () => {
  const { brokers, processes } = under();
  const { now: coordinator } = await brokers.coordinatorOf(ground().named('artifact-deleter'));
  const two = brokers.others(coordinator);
  try {
    await Promise.all(two.map((one) => brokers.freeze(one)));
    const frozenAtMs = Date.now();
    for (const process of processes) await until(`${process.name} says so`, () => saysSo(process));
    await lasts(tooFewMs - (Date.now() - frozenAtMs));
    for (const process of processes) expect(await saysSo(process)).toBe(true);
  } finally {
    await Promise.all(two.map((one) => brokers.thaw(one)));
  }
  await commitAgain('two of three woke', processes, Date.now());
  await brokers.untilInSync();
});

test('with too few replicas of the offsets topic all stand and say so, and go on when there are enough', async () => {
  const { brokers, processes } = under();
  const { now: coordinator } = await brokers.coordinatorOf(ground().named('artifact-deleter'));
  const [away] = brokers.others(coordinator);
  const setBack = await brokers.setMinInSync(offsetsTopic, 3);
  try {
    await away!.server.stop();
    for (const process of processes) await until(`${process.name} says so`, () => saysSo(process));
  } finally {
    await away!.server.start();
    await setBack();
  }
  await commitAgain('enough replicas of the offsets topic', processes, Date.now());
  await brokers.untilInSync();
});
