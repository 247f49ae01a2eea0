import { createRandom } from '../../../ops/gitlab/random';
import { BothFlows, briskly } from '../../support/scenario/both-flows';
import { ExpiredRecords } from '../../support/records/expired-records';
import { inFull, lasts, medianOf, randomSeed, report } from '../../support/faults';
import type { RunningProcess } from '../../support/scenario/running-process';
import { processNames, type ProcessName } from '../../../lib/process/processes';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'streamed' });

const kills = inFull(50, 3);
/** Slow enough that a kill interrupts some work. */
const slowly = {
  ...briskly,
  DELETE_CONCURRENCY: '2',
  DELETE_ROWS_MAX: '20',
  SWEEP_PAGE_ROWS: '20',
};

/** The micro-batches in the slots of one process, and the commit before it that was under way. */
const inFlightMax = 2 * 2 * 20 + 2 * 100;

const sum = (processes: readonly RunningProcess[], event: string, field: string): number =>
  processes
    .flatMap((process) => process.events(event))
    .reduce((total, line) => total + Number(line[field]), 0);

test(
  `after ${kills} kills of any process at random moments, all ends as if once`,
  async () => {
    const scenario = ground();
    const random = createRandom(randomSeed);
    const staying = await scenario.world.manyArtifacts({ count: 50, expireInMs: 3_600_000 });
    const flows = new BothFlows(scenario);
    const alive: { name: ProcessName; process: RunningProcess }[] = [];
    const begin = (name: ProcessName): void => {
      alive.push({ name, process: scenario.run(name, slowly) });
    };
    for (const name of [...processNames, ...processNames]) begin(name);
    await flows.more();
    await flows.done();
    const records = new ExpiredRecords(scenario);
    // Found done, and not because a producer had named it twice.
    const doneAgain = async (): Promise<number> =>
      sum(scenario.processes, 'artifacts.deleted', 'alreadyGone') -
      (await records.namedAgain()) +
      sum(scenario.processes, 'traces.archived', 'finished');
    const repeated: number[] = [];
    let killed = 0;
    let before = await doneAgain();
    for (let round = 0; round < kills; round += 1) {
      await flows.more({ artifacts: 400, traces: 20 });
      await lasts(random.whole(0, 1_500));
      const at = random.whole(0, alive.length - 1);
      const [victim] = alive.splice(at, 1);
      victim!.process.kill('SIGKILL');
      killed += 1;
      begin(victim!.name);
      // Some kills come while the group still rebalances after the one before.
      if (random.whole(1, 3) === 1) continue;
      await flows.done(120_000);
      const after = await doneAgain();
      repeated.push((after - before) / killed);
      [before, killed] = [after, 0];
    }
    await flows.done(120_000);
    await scenario.expectKept(staying);
    const most = Math.max(...repeated);
    report('effects found done after a kill', {
      randomSeed,
      kills,
      median: medianOf(repeated),
      most,
    });
    expect(most).toBeLessThanOrEqual(inFlightMax);
  },
  inFull(7_200_000, 600_000),
);
