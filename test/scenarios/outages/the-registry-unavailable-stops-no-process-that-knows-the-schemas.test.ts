import { useBadNetwork } from '../../support/stack/bad-network';
import { BothFlows } from '../../support/scenario/both-flows';
import { inFull, lasts } from '../../support/faults';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });
const network = useBadNetwork();

test('the registry goes away while all work: schemas are known, so nothing waits', async () => {
  const flows = new BothFlows(ground());
  const processes = flows.run(network().settings);
  await flows.more();
  await flows.done();
  await network().registry.refuse();
  await flows.more();
  await flows.done();
  await lasts(inFull(60_000, 0));
  await flows.more();
  await flows.done();
  for (const process of processes) expect((await process.stop()).code).toBe(0);
});

test('the registry is away when processes start: they wait for it, and then do all', async () => {
  const flows = new BothFlows(ground());
  await flows.more();
  const processes = flows.run(network().settings);
  await lasts(inFull(40_000, 5_000));
  await network().registry.heal();
  await flows.done();
  expect(processes.map(({ exit }) => exit)).toEqual(processes.map(() => undefined));
});
