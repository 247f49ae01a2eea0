import type { Cut } from '../../../ops/faults/statement-cut';
import { StatementCut } from '../../../ops/faults/statement-cut';
import { BothFlows } from '../../support/scenario/both-flows';
import { inFull } from '../../support/faults';
import type { RunningProcess } from '../../support/scenario/running-process';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'none' });

const times = inFull(20, 2);
const statements: readonly (readonly [string, RegExp])[] = [
  ["the deleter's DELETE, which is its own transaction", /delete-due-artifacts/],
  ["the archiver's COMMIT", /COMMIT|commit/],
  ["the archiver's artifact row, in mid-transaction", /insert-traces/],
];
const moments: readonly Cut['when'][] = inFull(
  ['before the statement', 'before its answer'],
  ['before its answer'],
);

let proxy: StatementCut;
let flows: BothFlows;
let processes: readonly RunningProcess[];

beforeAll(async () => {
  const { host, port } = ground().stack.addresses.postgres;
  proxy = await StatementCut.start({ host, port });
  flows = new BothFlows(ground());
  processes = flows.run({ POSTGRES_PORT: String(proxy.port) });
  await flows.more();
  await flows.done();
});

afterAll(() => proxy.stop());

/** Cuts in a row are answered with ever longer pauses. */
const deadlineMs = inFull(600_000, 60_000);

describe.each(statements)('%s', (_, at) => {
  const isSettled = async (when: Cut['when']): Promise<void> => {
    const before = proxy.cuts;
    proxy.plan({ at, when, times });
    await until(
      'it has been cut as often as planned',
      async () => {
        if (!proxy.isDone) await flows.more({ artifacts: 50, traces: 5 });
        return proxy.isDone;
      },
      deadlineMs,
    );
    expect(proxy.cuts - before).toBe(times);
    await flows.done();
    expect(processes.map(({ exit }) => exit)).toEqual(processes.map(() => undefined));
  };
  test.each(moments)('is cut %s', isSettled, 2 * deadlineMs + 120_000);
});
