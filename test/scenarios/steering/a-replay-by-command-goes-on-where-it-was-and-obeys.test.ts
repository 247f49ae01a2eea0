import { topicNames } from '../../../lib/kafka/topics/topics';
import { runKafkaTool } from '../../../ops/local/kafka-tool';
import type { OutgoingRecord } from '../../../lib/kafka/producer';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import { announce, expectArchived, finishedTraces } from '../../support/records/archived-builds';
import { ExpiredRecords } from '../../support/records/expired-records';
import { operatorProduces } from '../../support/scenario/operator-actions';
import { endOf, runReplay } from '../../support/scenario/replay-command';
import type { RunningProcess } from '../../support/scenario/running-process';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'none' });

const deleter = ['--process', 'artifact-deleter'];
const by = ['--author', 'anna', '--reason', 'a drill', '--yes'];
const records = 300;

interface Status {
  readonly done: number;
  readonly total: number;
  readonly runsOn: readonly string[];
  readonly wish: { readonly is: string };
}

const printedBy = (process: RunningProcess): unknown => JSON.parse(process.noise.join('\n'));

async function replay(...args: readonly string[]): Promise<unknown> {
  return printedBy(await ground().command(['replay', ...args, '--json']));
}

const begun = (...args: readonly string[]): RunningProcess =>
  runReplay(ground(), 'artifact-deleter', ...args);

async function status(): Promise<Status | undefined> {
  const [one] = (await replay('status', ...deleter)) as readonly Status[];
  return one;
}

const isUnderWay = (at: number) => async () => ((await status())?.done ?? 0) > at;

const liveOffsets = () =>
  ground().topics.committed(
    ground().named('artifact-deleter'),
    ground().named(topicNames.artifactsExpired),
  );

/** Records that name artifacts which are gone, on all partitions, and have been handled. */
async function handledRecords(): Promise<readonly ArtifactEntry[]> {
  const scenario = ground();
  const made = new ExpiredRecords(scenario);
  const artifacts = await scenario.world.manyArtifacts({ count: 4 });
  const values = await Promise.all(artifacts.map(async (one) => made.encode(await made.of(one))));
  const copies = Array.from({ length: records }, (_, index): Omit<OutgoingRecord, 'topic'> => {
    return { key: `100:${index}`, value: values[index % values.length]! };
  });
  await operatorProduces(scenario, topicNames.artifactsExpired, copies);
  return artifacts;
}

test('the plan says how many records, what of them is done, and how long it takes', async () => {
  const scenario = ground();
  const live = scenario.run('artifact-deleter');
  await live.logged('process.started');
  const beganAt = new Date().toISOString();
  const artifacts = await handledRecords();
  await scenario.gone(artifacts);
  await scenario.caughtUp('artifact-deleter', topicNames.artifactsExpired);
  expect(await replay('plan', ...deleter, '--from', beganAt, '--rate', '30')).toMatchObject({
    applied: false,
    records,
    leftToLive: 0,
    secondsAtLeast: 10,
    effects: { sampled: 24, named: 24, done: 24 },
  });
  const later = new Date(Date.now() + 60_000).toISOString();
  expect(await replay('plan', ...deleter, '--from', later)).toMatchObject({ records: 0 });
  expect(await status()).toBeUndefined();
});

test('a killed replay goes on where it was, beside live work whose offsets it never moves', async () => {
  const scenario = ground();
  const before = await liveOffsets();
  const killed = begun('--since-outage', '1h', '--rate', '30');
  await until('it is under way', isUnderWay(30));
  killed.kill('SIGKILL');
  await killed.exited;
  killed.mayFail = true;
  expect((await status())?.runsOn).toBeDefined();

  const second = begun('--from', '1h');
  await second.exited;
  expect(second.exit?.code).toBe(2);
  second.mayFail = true;

  const resumed = begun();
  const added = await scenario.world.manyArtifacts({ count: 1 });
  const made = new ExpiredRecords(scenario);
  const value = await made.encode(await made.of(added[0]!));
  await operatorProduces(scenario, topicNames.artifactsExpired, [{ key: '100:1', value }]);
  await scenario.gone(added);
  expect(resumed.exit).toBeUndefined();
  const report = await endOf(resumed);
  expect(report).toMatchObject({ ending: 'done', done: records, total: records, exitCode: 0 });
  const handled = Object.entries(report.counts).find(
    ([name]) => name.startsWith('afterbuild_records_total') && name.includes('done'),
  );
  expect(handled?.[1]).toBeLessThan(records - 20);
  expect(await status()).toBeUndefined();
  const moved = (await liveOffsets()).map(({ offset }, at) => offset - before[at]!.offset);
  expect(moved.reduce((sum, one) => sum + one, 0)).toBe(1);
  await scenario.asOperator(async (admin) => {
    const { groups } = await admin.listGroups();
    const names = groups.map(({ groupId }) => groupId);
    expect(names).not.toContain(scenario.named('artifact-deleter.replay'));
  });
});

test('from another terminal it is paused, resumed and cancelled', async () => {
  const running = begun('--since-outage', '1h', '--rate', '20');
  await until('it is under way', isUnderWay(10));
  await replay('pause', ...deleter, ...by);
  let seen = -1;
  await until('nothing is done any more', async () => {
    const { done, wish } = (await status())!;
    expect(wish.is).toBe('pause');
    const stands = done === seen;
    seen = done;
    return stands;
  });
  expect(seen).toBeLessThan(records);
  await replay('resume', ...deleter, ...by);
  await until('it goes on', isUnderWay(seen));
  await replay('cancel', ...deleter, ...by);
  running.mayFail = true;
  expect(await endOf(running)).toMatchObject({ ending: 'cancelled' });
  expect(await status()).toBeUndefined();
});

test('a stopped group rewound by Kafka’s own tool does no harm either', async () => {
  const scenario = ground();
  const [live] = scenario.processes;
  expect((await live!.stop()).code).toBe(0);
  const [groupId, topic] = [
    scenario.named('artifact-deleter'),
    scenario.named(topicNames.artifactsExpired),
  ];
  const anHourAgo = new Date(Date.now() - 3_600_000).toISOString();
  const rewind = ['--reset-offsets', '--to-datetime', anHourAgo, '--execute'];
  const place = ['--group', groupId, '--topic', topic];
  const { dataDir } = scenario.stack;
  expect(await runKafkaTool(dataDir, 'consumer-groups', [...place, ...rewind])).toBe(0);
  expect((await liveOffsets()).every(({ metadata }) => metadata === '')).toBe(true);
  const again = scenario.run('artifact-deleter');
  await scenario.caughtUp('artifact-deleter', topicNames.artifactsExpired);
  const deleted = again.events('artifacts.deleted');
  const sum = (field: string) => deleted.reduce((total, line) => total + Number(line[field]), 0);
  expect([sum('records'), sum('deleted')]).toEqual([records + 1, 0]);
  expect((await again.stop()).code).toBe(0);
});

test('archived traces that are replayed stay as they are', async () => {
  const scenario = ground();
  const archiver = scenario.run('trace-archiver');
  await archiver.logged('process.started');
  const traces = await finishedTraces(scenario, [{ sizeBytes: 100_000 }, { sizeBytes: 0 }]);
  await announce(scenario, traces);
  await scenario.caughtUp('trace-archiver', topicNames.buildsFinished);
  await expectArchived(scenario, traces.slice(0, 1));
  const range = ['--topic', topicNames.buildsFinished, '--from', '1h'];
  const planned = await replay('plan', ...range);
  expect(planned).toMatchObject({
    records: 2,
    effects: { named: 2, done: 2, lines: [expect.any(String)] },
  });
  const replayed = await endOf(runReplay(scenario, 'trace-archiver', '--from', '1h'));
  expect(replayed).toMatchObject({ ending: 'done', exitCode: 0, done: 2 });
  await expectArchived(scenario, traces.slice(0, 1));
});
