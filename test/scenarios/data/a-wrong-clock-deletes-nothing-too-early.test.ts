import { join } from 'node:path';
import { projectRoot } from '../../../lib/process/root';
import { setExpiry, unlockArtifacts } from '../../../ops/gitlab/changes';
import { BothFlows } from '../../support/scenario/both-flows';
import { useScenario } from '../../support/scenario/use-scenario';

const dayMs = 86_400_000;
const shiftedBy = (shiftMs: number): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--require ${join(projectRoot, 'ops/faults/shifted-clock.cjs')}`,
  AFTERBUILD_CLOCK_SHIFT_MS: String(shiftMs),
});

const clocks = [
  ['a day fast', dayMs],
  ['a day slow', -dayMs],
] as const;
const grounds = clocks.map(([name]) =>
  useScenario(`${__filename} ${name}`, { changes: 'streamed' }),
);

test.each(clocks)(
  'with a clock %s all that may go goes, and nothing that may not',
  async (name, shiftMs) => {
    const scenario = grounds[clocks.findIndex(([one]) => one === name)]!();
    const { world, gitlab } = scenario;
    // By its own clock a worker would take all of these for expired, or for not expired yet.
    const staying = [
      ...(await world.manyArtifacts({ count: 50, expireInMs: dayMs / 2 })),
      ...(await world.manyArtifacts({ count: 50, expireInMs: 3 * dayMs })),
      ...(await world.manyArtifacts({ count: 50, expireInMs: -dayMs, locked: 1 })),
    ];
    const flows = new BothFlows(scenario);
    // The broker refuses records from the future, so a fast clock stops a producer: it gets the right one.
    const producers = shiftMs > 0 ? {} : shiftedBy(shiftMs);
    const processes = flows.run(producers, shiftedBy(shiftMs));
    await flows.more({ expireInMs: -dayMs / 2, flushed: true });
    // The database's clock decides whether a trace that is still in Redis has settled.
    await flows.more({ expireInMs: 2_000 });
    const [unlocked, moved] = [
      await world.manyArtifacts({ count: 20, expireInMs: -2 * dayMs, locked: 1 }),
      await world.manyArtifacts({ count: 20, expireInMs: dayMs / 2 }),
    ];
    await flows.done();
    await unlockArtifacts(gitlab, unlocked);
    await setExpiry(gitlab, moved, -1_000);
    await scenario.gone([...unlocked, ...moved]);
    await scenario.expectKept(staying);
    expect(processes.map(({ exit }) => exit)).toEqual(processes.map(() => undefined));
  },
);
