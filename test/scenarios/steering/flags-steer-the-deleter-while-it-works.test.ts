import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import type { RunningProcess } from '../../support/scenario/running-process';
import { statusOf } from '../../support/scenario/status-of';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'none' });

const by = ['--author', 'anna', '--reason', 'provider maintenance', '--yes'];

const set = (process: string, name: string, value: string, ...more: string[]) =>
  ground().command(['flags', 'set', process, name, value, ...by, ...more]);
const unset = (process: string, name: string) =>
  ground().command(['flags', 'unset', process, name, ...by]);

/** Due when this is called, and swept within a moment. */
const due = (count: number): Promise<readonly ArtifactEntry[]> =>
  ground().world.manyArtifacts({ count });

/** How long after the flag was written the process followed it. */
function followsWithin5s(process: RunningProcess, field: string, value: unknown) {
  const isIt = (line: { [name: string]: unknown }) => line[field] === value;
  const last = () => process.events('flag.changed').filter(isIt).at(-1);
  const before = last();
  const beganAtMs = Date.now();
  return async () => {
    await until(
      `${process.name} follows ${field} ${String(value)}`,
      () => last() !== before,
      5_000,
    );
    return Date.now() - beganAtMs;
  };
}

test('a paused deleter deletes nothing, says by whom and why, and goes on where it stood', async () => {
  const scenario = ground();
  const sweep = scenario.run('expired-artifacts');
  const deleters = [scenario.run('artifact-deleter'), scenario.run('artifact-deleter')];
  await Promise.all([sweep, ...deleters].map((process) => process.logged('process.started')));
  await scenario.gone(await due(50));

  const follow = deleters.map((one) => followsWithin5s(one, 'paused', true));
  await set('artifact-deleter', 'pause', 'true', '--expires', '2h');
  await Promise.all(follow.map((followed) => followed()));
  const waiting = await due(200);
  await until('they are produced', async () => {
    return (await scenario.behind('artifact-deleter', 'artifacts.expired')) > 0;
  });
  await until('status says who paused it and why', async () => {
    const { state, sentence, instances, recordsLeft } = await statusOf(
      ground(),
      'artifact-deleter',
    );
    expect([state, instances.length]).toEqual(['paused', 2]);
    expect(sentence).toMatch(/^paused by anna: provider maintenance, for 1h\d\dm more$/);
    expect(recordsLeft).toBeGreaterThan(0);
    return true;
  });
  await scenario.expectKept(waiting);

  await deleters[1]!.stop();
  const restarted = scenario.run('artifact-deleter');
  await restarted.logged('flag.in-force');
  await restarted.logged('process.started');
  await scenario.expectKept(waiting);
  expect(restarted.events('artifacts.deleted')).toEqual([]);

  await unset('artifact-deleter', 'pause');
  await scenario.gone(waiting);
  await scenario.caughtUp('artifact-deleter', 'artifacts.expired');
});

test('a dry run reports what would be deleted, changes nothing, and its records are not lost', async () => {
  const scenario = ground();
  const [, first, , second] = scenario.processes;
  await set('artifact-deleter', 'dry-run', 'true');
  for (const deleter of [first!, second!]) {
    await deleter.logged('flag.changed', (line) => line['dryRun'] === true, 5_000);
  }
  const waiting = await due(30);
  const reports = () =>
    [first!, second!].flatMap((deleter) => deleter.events('artifacts.would-delete'));
  await until('it reports', () => reports().length > 0);
  // Each instance reports it in its next status.
  await until('status says so of both', async () => {
    const { sentence } = await statusOf(ground(), 'artifact-deleter');
    expect(sentence).toBe('dry run by anna: provider maintenance');
    return true;
  });
  await scenario.expectKept(waiting);
  expect(await scenario.behind('artifact-deleter', 'artifacts.expired')).toBeGreaterThan(0);
  await unset('artifact-deleter', 'dry-run');
  await scenario.gone(waiting);
  await scenario.caughtUp('artifact-deleter', 'artifacts.expired');
});

test('a rate and a concurrency hold in both instances, and what they slow down is done in the end', async () => {
  const scenario = ground();
  const [, first, , second] = scenario.processes;
  const setInBoth = async (name: string, value: string, field: string, now: unknown) => {
    const follow = [first!, second!].map((one) => followsWithin5s(one, field, now));
    await set('artifact-deleter', name, value);
    await Promise.all(follow.map((followed) => followed()));
  };
  await setInBoth('pause', 'true', 'paused', true);
  const slow: ArtifactEntry[] = [];
  const records = () => scenario.behind('artifact-deleter', 'artifacts.expired');
  while ((await records()) < 12) {
    const before = await records();
    slow.push(...(await due(5)));
    await until('they are produced', async () => (await records()) > before);
  }
  await setInBoth('rate', '1', 'recordsPerSecond', 1);
  await setInBoth('concurrency', '1', 'concurrency', 1);
  await unset('artifact-deleter', 'pause');
  const beganAtMs = Date.now();
  await scenario.gone(slow);
  // At best each takes half of the records, and its first one at once.
  expect(Date.now() - beganAtMs).toBeGreaterThan((12 / 2 - 1) * 1_000);
  await unset('artifact-deleter', 'rate');
  await unset('artifact-deleter', 'concurrency');
  await scenario.caughtUp('artifact-deleter', 'artifacts.expired');
});

test('a raised loop limit reaches the sweep while it works', async () => {
  const [sweep] = ground().processes;
  await set('expired-artifacts', 'loop-limit', '50000');
  await sweep!.logged('flag.changed', (line) => line['loopLimit'] === 50_000, 5_000);
  await unset('expired-artifacts', 'loop-limit');
  await sweep!.logged('flag.changed', (line) => line['loopLimit'] === null, 5_000);
  await ground().gone(await due(30));
  await ground().caughtUp('artifact-deleter', 'artifacts.expired');
});

test('status --json has one report a process, and after a clean stop no instance is silent', async () => {
  const scenario = ground();
  const running = await statusOf(ground(), 'artifact-deleter');
  expect(running).toMatchObject({
    process: 'artifact-deleter',
    recordsLeft: 0,
    lost: 0,
    deadLetters: 0,
    etaMs: 0,
    flags: [],
  });
  expect(running.instances).toHaveLength(2);
  expect(running.instances.reduce((sum, { partitions }) => sum + partitions, 0)).toBe(12);
  await Promise.all(scenario.processes.map((process) => process.stop()));
  expect(await statusOf(ground(), 'artifact-deleter')).toMatchObject({
    state: 'not-running',
    instances: [],
  });
});
