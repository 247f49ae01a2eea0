import type { ChunkStore } from '../../../ops/gitlab/traces/trace-stores';
import {
  announce,
  expectArchived,
  finishedTraces,
  type TraceWish,
} from '../../support/records/archived-builds';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });
const stores: readonly ChunkStore[] = [1, 2, 3, 4];

test('traces of 0 bytes to 20 MB, in each store and mixed, become one object each', async () => {
  const scenario = ground();
  const sizes = [0, 1, 131_071, 131_072, 131_073, 400_000];
  const wishes: TraceWish[] = [
    ...stores.flatMap((store) => sizes.map((sizeBytes) => ({ sizeBytes, storeOf: () => store }))),
    { sizeBytes: 700_000, storeOf: (index) => stores[index % 4]! },
    { sizeBytes: 8 * 1024 * 1024 },
    { sizeBytes: 20_000_000, storeOf: (index) => stores[index % 4]! },
    { sizeBytes: 5_000, isReported: false },
  ];
  const traces = await finishedTraces(scenario, wishes);
  const archiver = scenario.run('trace-archiver');
  await announce(scenario, [...traces, ...traces.slice(0, 5)]);
  await scenario.caughtUp('trace-archiver', 'builds.finished');
  await expectArchived(scenario, traces);
  const total = (field: string) =>
    archiver.events('traces.archived').reduce((sum, line) => sum + Number(line[field]), 0);
  await scenario.command(['reconcile', '--check', '--pause-seconds', '0']);
  expect([total('archived'), total('extended'), total('partial')]).toEqual([traces.length, 0, 0]);
});
