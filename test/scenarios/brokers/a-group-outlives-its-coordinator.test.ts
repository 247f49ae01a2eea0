import { offsetsTopic, type Coordinated } from '../../support/stack/brokers';
import { commitAgain } from '../../support/scenario/commits-again';
import { lasts } from '../../support/faults';
import { useFaults } from '../../support/scenario/under-faults';
import { until } from '../../support/until';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'streamed' });
const under = useFaults(ground);

/** Shorter than the broker's session with the controller, which would otherwise take it for dead. */
const frozenMs = 7_000;

const coordination = (): Promise<Coordinated> =>
  under().brokers.coordinatorOf(ground().named('artifact-deleter'));

async function untilPreferred(): Promise<void> {
  await until('the preferred broker coordinates', async () => {
    const { now, preferred } = await coordination();
    return now === preferred;
  });
}

test('a coordinator that is killed is replaced', async () => {
  const { brokers, processes } = under();
  await untilPreferred();
  const { now: coordinator } = await coordination();
  await coordinator.server.kill();
  await commitAgain('coordinator killed', processes, Date.now());
  await coordinator.server.start();
  await brokers.untilInSync();
});

test('a coordinator that moves onto a broker which is frozen is found there', async () => {
  const { brokers, processes } = under();
  const { partition, now, preferred } = await coordination();
  expect(now).not.toBe(preferred);
  await brokers.freeze(preferred);
  const frozenAtMs = Date.now();
  await brokers.electPreferred(offsetsTopic, [partition]);
  await untilPreferred();
  expect(Date.now() - frozenAtMs).toBeLessThan(frozenMs);
  await lasts(frozenMs - (Date.now() - frozenAtMs));
  await brokers.thaw(preferred);
  await commitAgain('coordinator moved onto a frozen broker', processes, frozenAtMs);
  await brokers.untilInSync();
});

test('a rolling restart, and leaders that move back afterwards, cost only pauses', async () => {
  const { brokers, processes } = under();
  for (const { node, server } of brokers.all) {
    const again = commitAgain(`broker ${node} restarted`, processes, Date.now());
    await Promise.all([again, server.stop().then(() => server.start())]);
    await brokers.untilInSync();
  }
  const again = commitAgain('leaders moved back', processes, Date.now());
  await Promise.all([again, brokers.electAllPreferred()]);
});
