import {
  S3Front,
  accessDenied,
  internalError,
  slowDown,
  type S3Faults,
  type S3Request,
} from '../../../ops/faults/s3-front';
import { createRandom } from '../../../ops/gitlab/random';
import { BothFlows } from '../../support/scenario/both-flows';
import { inFull, isFull, lasts, longTest, randomSeed } from '../../support/faults';
import type { RunningProcess } from '../../support/scenario/running-process';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'none' });

const random = createRandom(randomSeed);
const lastsMs = inFull(60_000, 2_000);
/** After a minute single keys are on the retry topic whose records wait for two. */
const afterwardsMs = inFull(300_000, 90_000);
/** The same keys each time, for as long as the fault lasts. */
const isUnlucky = (key: string): boolean =>
  Buffer.from(key).reduce((sum, byte) => sum + byte, 0) % 2 === 1;
const hasKey = ({ key }: S3Request): boolean => key !== '';

let front: S3Front;
let flows: BothFlows;
let processes: readonly RunningProcess[];

beforeAll(async () => {
  // After a minute so many have failed in a row that the process suspects itself: lanes hold until one succeeds.
  if (isFull) ground().expectError(/lane holds/);
  front = await S3Front.start(ground().stack);
  flows = new BothFlows(ground());
  processes = flows.run({ S3_ENDPOINT: front.endpoint });
  await flows.more();
  await flows.done();
});

afterAll(() => front.stop());

const joins = (): number => processes.flatMap((one) => one.events('group.joined')).length;

const isBelow = (key: string): boolean => key.startsWith('0') || key.startsWith('6');

/** The third names the keys that the fault does not concern. */
const cases: readonly (readonly [string, S3Faults, (key: string) => boolean])[] = [
  [
    'SlowDown to four of five requests',
    { refuse: () => (random.whole(1, 5) > 1 ? slowDown : undefined) },
    () => false,
  ],
  [
    'errors for half of the keys',
    {
      refuseKey: (key) => (isUnlucky(key) ? internalError : undefined),
      refuse: (asked) => (hasKey(asked) && isUnlucky(asked.key) ? internalError : undefined),
    },
    (key) => !isUnlucky(key),
  ],
  [
    'AccessDenied below one prefix',
    {
      refuseKey: (key) => (isBelow(key) ? accessDenied : undefined),
      refuse: ({ key }) => (isBelow(key) ? accessDenied : undefined),
    },
    (key) => !isBelow(key),
  ],
  [
    'no answers to what it has done',
    { loseAnswer: (asked) => hasKey(asked) || asked.isDeleteObjects },
    () => false,
  ],
];

test.each(cases)(
  'S3 gives %s: the others go on, and these follow when it is over',
  async (_, faults, isSpared) => {
    front.plan(faults);
    const before = flows.artifacts.length;
    await flows.more();
    await until('the fault has been met', () => front.counts.faults > 2);
    const others = flows.artifacts.slice(before).filter(({ key }) => key !== null && isSpared(key));
    await until('the others are gone, while it lasts', async () => {
      return (await ground().objectsOf(others)).length === 0;
    });
    await lasts(lastsMs);
    front.plan({});
    await flows.done(afterwardsMs);
    expect(processes.map(({ exit }) => exit)).toEqual(processes.map(() => undefined));
  },
  2 * lastsMs + 2 * afterwardsMs + 60_000,
);

longTest(
  'S3 answers after 20 seconds: no member is expelled from its group meanwhile',
  async () => {
    const joinsBefore = joins();
    front.plan({ delayMs: 20_000 });
    await flows.more({ artifacts: 20, traces: 2 });
    await until('the fault has been met', () => front.counts.faults > 1);
    await lasts(inFull(60_000, 21_000));
    front.plan({});
    await flows.done();
    expect(joins()).toBe(joinsBefore);
  },
);
