import { topicNames } from '../../../lib/kafka/topics/topics';
import { createRandom } from '../../../ops/gitlab/random';
import { inFull, lasts, medianOf, randomSeed, report } from '../../support/faults';
import type { LogLine, RunningProcess } from '../../support/scenario/running-process';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });

const lastsMs = inFull(120_000, 8_000);
const rowsMax = 10;
const slowly = {
  DELETE_CONCURRENCY: '1',
  DELETE_ROWS_MAX: String(rowsMax),
  DELETIONS_PER_MINUTE_MAX: '12000',
};

const timeOf = (line: LogLine): number => Date.parse(String(line['time']));

/** From the last work before each join to the first one after it, in the member that stayed. */
function pausesOf(member: RunningProcess): number[] {
  const works = member.events('artifacts.deleted').map(timeOf);
  return member
    .events('group.joined')
    .slice(1)
    .map(timeOf)
    .flatMap((joinedMs) => {
      const before = works.findLast((ms) => ms <= joinedMs);
      const after = works.find((ms) => ms > joinedMs);
      return before === undefined || after === undefined ? [] : [after - before];
    });
}

test('members join and leave every second: the work goes on, after short pauses', async () => {
  const scenario = ground();
  const { world } = scenario;
  const random = createRandom(randomSeed);
  const kept = await world.manyArtifacts({ count: 20, locked: 1 });
  const going = [...(await world.manyArtifacts({ count: inFull(40_000, 4_000) }))];
  const sweep = scenario.run('expired-artifacts', { SWEEP_PAGE_ROWS: String(rowsMax) });
  const staying = scenario.run('artifact-deleter', slowly);
  await staying.logged('artifacts.deleted');
  const guests: RunningProcess[] = [];
  const endAtMs = Date.now() + lastsMs;
  let changes = 0;
  while (Date.now() < endAtMs) {
    const leaves = guests.length > 2 || (guests.length > 0 && random.whole(1, 2) === 1);
    if (leaves) {
      const [guest] = guests.splice(random.whole(0, guests.length - 1), 1);
      // A program that has not yet begun to listen is ended by the signal itself.
      guest!.mayFail = guest!.events('process.started').length === 0;
      guest!.kill('SIGTERM');
    } else guests.push(scenario.run('artifact-deleter', slowly));
    changes += 1;
    await lasts(1_000);
  }
  await scenario.gone(going, 480_000);
  await scenario.caughtUp('artifact-deleter', topicNames.artifactsExpired);
  await scenario.expectKept(kept);
  expect([sweep.exit, staying.exit]).toEqual([undefined, undefined]);
  const repeated = scenario.processes
    .flatMap((process) => process.events('artifacts.deleted'))
    .reduce((sum, line) => sum + Number(line['alreadyGone']), 0);
  const pauses = pausesOf(staying);
  report('rebalances', {
    randomSeed,
    changes,
    rebalances: pauses.length,
    pauseMedianMs: medianOf(pauses),
    pauseMostMs: Math.max(...pauses),
    repeated,
  });
  // Far below the twelve seconds after which the group would go on without a silent member.
  expect(medianOf(pauses)).toBeLessThan(3_000);
  // A leaving member drains first; a join that overtakes a drain may cost a micro-batch.
  expect(repeated).toBeLessThanOrEqual(changes * rowsMax);
}, 900_000);
