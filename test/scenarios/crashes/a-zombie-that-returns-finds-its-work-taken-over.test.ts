import { BothFlows, briskly } from '../../support/scenario/both-flows';
import { lasts, longTest, report } from '../../support/faults';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });

/** Twice the session timeout of the groups. */
const frozenMs = 20_000;

longTest(
  'consumers stopped for twice the session timeout return, and spoil nothing',
  async () => {
    const scenario = ground();
    const flows = new BothFlows(scenario);
    scenario.run('expired-artifacts', briskly);
    const slowly = { ...briskly, DELETE_CONCURRENCY: '1', DELETE_ROWS_MAX: '20' };
    const zombies = (['artifact-deleter', 'trace-archiver'] as const).map((name) =>
      scenario.run(name, slowly),
    );
    await flows.more();
    await flows.done();
    for (let round = 0; round < 5; round += 1) {
      await flows.more({ artifacts: 1_000, traces: 60 });
      await Promise.all([
        zombies[0]!.logged('artifacts.deleted'),
        zombies[1]!.logged('traces.archived'),
      ]);
      for (const zombie of zombies) zombie.kill('SIGSTOP');
      const heirs = (['artifact-deleter', 'trace-archiver'] as const).map((name) =>
        scenario.run(name, slowly),
      );
      await lasts(frozenMs);
      await flows.done(120_000);
      for (const zombie of zombies) zombie.kill('SIGCONT');
      await flows.more();
      await flows.done(120_000);
      for (const heir of heirs) expect((await heir.stop()).code).toBe(0);
      // Alone again: it really holds every partition that the zombies believe to hold.
      await flows.more();
      await flows.done(120_000);
    }
    const repeated = scenario.processes
      .flatMap((process) => process.events('artifacts.deleted'))
      .reduce((sum, line) => sum + Number(line['alreadyGone']), 0);
    report('artifacts done again after a zombie', { repeated });
    expect(zombies.map(({ exit }) => exit)).toEqual([undefined, undefined]);
  },
  1_800_000,
);
