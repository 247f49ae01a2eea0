import { unlockArtifacts } from '../../ops/gitlab/changes';
import { createRandom } from '../../ops/gitlab/random';
import { BothFlows } from '../support/both-flows';
import { inFull, lasts, longTest, randomSeed } from '../support/faults';
import type { RunningProcess } from '../support/running-process';
import { type Scenario } from '../support/scenario';
import { useScenario } from '../support/use-scenario';
import { asSuperuser } from '../support/stack';
import { until } from '../support/until';

const ground = useScenario(__filename, { changes: 'streamed' });
const secondsMs = 180_000;

let flows: BothFlows;
let sweep: RunningProcess;

beforeAll(async () => {
  flows = new BothFlows(ground());
  [sweep] = flows.run() as [RunningProcess];
  await flows.more();
  await flows.done();
});

/** Artifacts of which only the change stream, or a repair, can know: they expired far behind the watermark. */
const lockedLongAgo = (scenario: Scenario, count: number) =>
  scenario.world.manyArtifacts({ count, expireInMs: -86_400_000, locked: 1 });

const connector = (path: string, method: string): Promise<Response> => {
  const { stack, slot } = ground();
  const url = `${stack.addresses.connectUrl}/connectors/${slot}${path}`;
  return fetch(url, { method, signal: AbortSignal.timeout(60_000) });
};

test('Connect is killed again and again in mid-burst: every change arrives', async () => {
  const scenario = ground();
  const random = createRandom(randomSeed);
  const { connect } = scenario.stack.servers;
  for (let round = 0; round < inFull(20, 1); round += 1) {
    const changing = await lockedLongAgo(scenario, 300);
    await unlockArtifacts(scenario.gitlab, changing.slice(0, 150));
    await lasts(random.whole(0, 500));
    await connect.kill();
    await unlockArtifacts(scenario.gitlab, changing.slice(150));
    await connect.start();
    await scenario.gone(changing, secondsMs);
  }
});

longTest('the task fails: it is told, and after its restart every change arrives', async () => {
  const scenario = ground();
  const told = sweep.events('cdc.unwell').length;
  await asSuperuser(scenario.stack, 'postgres', async (client) => {
    await client.query('ALTER ROLE afterbuild_cdc NOREPLICATION');
    await client.query(
      'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1',
      [scenario.slot],
    );
  });
  const changing = await lockedLongAgo(scenario, 50);
  await unlockArtifacts(scenario.gitlab, changing);
  await until('the watchdog tells', () => sweep.events('cdc.unwell').length > told, secondsMs);
  await asSuperuser(scenario.stack, 'postgres', (client) =>
    client.query('ALTER ROLE afterbuild_cdc REPLICATION'),
  );
  await connector('/restart?includeTasks=true', 'POST');
  await scenario.gone(changing, secondsMs);
});
