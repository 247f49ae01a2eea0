import { exitCodes } from '../../../lib/process/exit-codes';
import { accessDenied, internalError, oddAnswers, S3Front } from '../../../ops/faults/s3-front';
import type { S3Refusal } from '../../../ops/faults/s3-front';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import { expectSentence, refusalOf } from '../../support/scenario/refusal';
import type { RunningProcess } from '../../support/scenario/running-process';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'none' });

let front: S3Front;
let deleter: RunningProcess;
let sweep: RunningProcess;

const missingMd5: S3Refusal = { status: 400, code: 'InvalidRequest' };
const notImplemented: S3Refusal = { status: 501, code: 'NotImplemented' };

beforeAll(async () => {
  front = await S3Front.start(ground().stack);
  sweep = ground().run('expired-artifacts');
});
afterAll(() => front.stop());

const refuseAll = (refusal: S3Refusal): void =>
  front.plan({ refuse: ({ isDeleteObjects }) => (isDeleteObjects ? refusal : undefined) });
const due = (count: number): Promise<ArtifactEntry[]> => ground().world.manyArtifacts({ count });
const announced = (artifacts: readonly ArtifactEntry[]): Promise<void> =>
  until('all are announced', () => {
    const pages = sweep.events('page.produced');
    return pages.reduce((sum, page) => sum + Number(page['artifacts']), 0) >= artifacts.length;
  });

test('a store that does not take DeleteObjects is refused at the start, and no row goes', async () => {
  const kept = await due(20);
  await announced(kept);
  const environment = { ...ground().environment('deleter'), S3_ENDPOINT: front.endpoint };
  for (const refusal of [missingMd5, accessDenied, notImplemented]) {
    refuseAll(refusal);
    const end = await refusalOf(['run', 'artifact-deleter'], environment);
    expectSentence(end, exitCodes.configuration, /DeleteObjects on bucket/, RegExp(refusal.code));
    await ground().expectKept(kept);
  }
  front.plan({});
  deleter = ground().run('artifact-deleter', { S3_ENDPOINT: front.endpoint });
  await ground().gone(kept);
});

test.each(oddAnswers)(
  'a deletion that is answered with $code is requested again, and counted when it is done',
  async (odd) => {
    refuseAll(odd);
    const artifacts = await due(4);
    await until('it was answered so', () => front.counts.faults > 1);
    expect(await ground().objectsOf(artifacts)).toHaveLength(4);
    expect(await ground().behind('artifact-deleter', 'artifacts.expired')).toBeGreaterThan(0);
    front.plan({});
    await ground().gone(artifacts);
    await ground().caughtUp('artifact-deleter', 'artifacts.expired');
    const counted = deleter.events('artifacts.deleted').map(({ objects }) => Number(objects));
    expect(counted.at(-1)).toBe(4);
  },
);

test('a name that XML cannot say goes as well, and so do those beside it', async () => {
  const pipeline = await ground().world.aPipeline();
  const odd = await Promise.all(
    ['report\ufffe.xml', 'report\uffff.xml', 'report\u2028.xml'].map(async (file) => {
      const build = await ground().world.aBuild({ pipeline });
      return ground().world.anArtifact({ build, file });
    }),
  );
  const others = await ground().world.manyArtifacts({ count: 19, pipeline });
  await ground().gone([...odd, ...others]);
});

test('what is refused for one key holds up only this one, which goes by a request of its own', async () => {
  const artifacts = await due(20);
  const odd = artifacts[7]?.key;
  front.plan({ refuse: ({ keys }) => (keys.some((key) => key === odd) ? missingMd5 : undefined) });
  await ground().gone(artifacts);
  front.plan({});
});

test('after a deletion was refused as a whole no further row goes until one succeeds', async () => {
  refuseAll(accessDenied);
  const met = await due(20);
  await until('it was refused', () => front.counts.faults > 0);
  await until('rows have gone without it, once', async () => {
    return (await ground().rowsOf(met)).length === 0;
  });
  const later = await due(60);
  const before = front.counts.faults;
  await until('it was refused again', () => front.counts.faults > before + 2);
  await ground().expectKept(later);
  front.plan({});
  await ground().gone([...met, ...later]);
});

test('keys that are gone, and that S3 has trouble with, are settled by looking', async () => {
  let isLost = false;
  front.plan({
    loseAnswer: ({ isDeleteObjects }) => {
      if (!isDeleteObjects) return false;
      isLost = true;
      front.plan({ refuseKey: (key) => (key.includes('self-test') ? undefined : internalError) });
      return true;
    },
  });
  const artifacts = await due(20);
  await ground().gone(artifacts);
  await ground().caughtUp('artifact-deleter', 'artifacts.expired', 30_000);
  expect(isLost).toBe(true);
  front.plan({});
});
