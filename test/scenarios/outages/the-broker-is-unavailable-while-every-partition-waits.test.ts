import { useBadNetwork } from '../../support/stack/bad-network';
import { BothFlows } from '../../support/scenario/both-flows';
import { inFull, isFull, lasts, longTest, report } from '../../support/faults';
import type { RunningProcess } from '../../support/scenario/running-process';
import { until } from '../../support/until';
import { statusOf } from '../../support/scenario/status-of';
import { useScenario } from '../../support/scenario/use-scenario';
import { untilReadiness } from '../../support/scenario/health-pages';

const ground = useScenario(__filename, { changes: 'none' });
const network = useBadNetwork();

let flows: BothFlows;
let processes: readonly RunningProcess[];

beforeAll(async () => {
  flows = new BothFlows(ground());
  processes = flows.run({ ...network().settings, HTTP_PORT: '0' });
  await flows.more();
  await flows.done();
});

afterEach(() => {
  expect(processes.map(({ exit }) => exit)).toEqual(processes.map(() => undefined));
});

longTest(
  'the broker is restarted in the midst of the work',
  async () => {
    const { kafka } = ground().stack.servers;
    for (let round = 0; round < 5; round += 1) {
      await flows.more({ artifacts: 1_000 });
      await kafka.stop();
      await kafka.start();
      await flows.done(180_000);
    }
  },
  1_200_000,
);

test(
  'the broker is unavailable while every partition is held because S3 is unavailable too',
  async () => {
    const { kafka } = ground().stack.servers;
    await network().s3.refuse();
    await flows.more({ artifacts: 500, traces: 40 });
    for (const consumer of processes.slice(2)) {
      await untilReadiness(consumer, 200, /"held":\["[^\]]*S3/i);
    }
    const held =
      /^held: S3 breaker (?:open .*next probe|half-open).*, oldest unfinished \d+.*, 0 lost/;
    await until('status says what holds them', async () => {
      for (const name of ['artifact-deleter', 'trace-archiver']) {
        if (!held.test((await statusOf(ground(), name)).sentence)) return false;
      }
      return true;
    });
    // After a kill the broker reads every log anew, which takes minutes where there are thousands.
    await (isFull ? kafka.kill() : kafka.stop());
    await lasts(inFull(600_000, 10_000));
    await kafka.start();
    await lasts(2_000);
    await network().s3.heal();
    const backAtMs = Date.now();
    await flows.done(180_000);
    report('after broker and S3 were away', { secondsToDone: (Date.now() - backAtMs) / 1_000 });
  },
  inFull(1_500_000, 300_000),
);
