import type { Step } from '../../../lib/process/steps';
import { announce, expectArchived, finishedTraces } from '../../support/records/archived-builds';
import { useScenario } from '../../support/scenario/use-scenario';

const quick = { ARCHIVE_LEASE_MS: '1000' };
const frozenAt: readonly Step[] = [
  'archiver.leases-taken',
  'archiver.traces-stored',
  'archiver.rows-committed',
];
/** Each has its own databases and topics, so that the waits for the group's session overlap. */
const grounds = frozenAt.map((step) => useScenario(`${__filename} ${step}`, { changes: 'none' }));

test('an archiver frozen at its work wakes after another has finished, and changes nothing', async () => {
  await Promise.all(
    frozenAt.map(async (step, at) => {
      const scenario = grounds[at]!();
      const wishes = [0, 1, 400_000, 12_000_000].map((sizeBytes) => ({ sizeBytes }));
      const traces = await finishedTraces(scenario, wishes);
      await announce(scenario, traces);
      const frozen = scenario.run('trace-archiver', {
        ...quick,
        AFTERBUILD_FAIL_POINT: `${step}=stop`,
      });
      await frozen.frozen();
      const other = scenario.run('trace-archiver', quick);
      await scenario.caughtUp('trace-archiver', 'builds.finished', 90_000);
      await expectArchived(scenario, traces);
      frozen.kill('SIGCONT');
      // It finds its leases lost, or its records handled, and goes on as a member of the group.
      const more = await finishedTraces(scenario, [{ sizeBytes: 5_000 }]);
      await announce(scenario, more);
      await scenario.caughtUp('trace-archiver', 'builds.finished', 90_000);
      // It has only just joined again: its knowledge of the offsets may be older than the group's.
      frozen.mayFail = true;
      await frozen.stop();
      await other.stop();
      await expectArchived(scenario, [...traces, ...more]);
    }),
  );
}, 240_000);
