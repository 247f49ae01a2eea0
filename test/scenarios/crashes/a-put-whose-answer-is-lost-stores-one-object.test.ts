import { announce, expectArchived, finishedTraces } from '../../support/records/archived-builds';
import { startLossyS3, type LossyS3, type S3Exchange } from '../../support/stack/lossy-s3';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });

/** Short, of many chunks, and of parts: at 12 MB it is the completion that is lost. */
const sizes = [0, 1, 16_384, 400_000, 5_000_000, 12_000_000];
let s3: LossyS3;
afterAll(() => s3.stop());

/** The request that makes the object of a trace visible. */
const stores = ({ method, path, query }: Pick<S3Exchange, 'method' | 'path' | 'query'>): boolean =>
  path.includes('/@final/') &&
  (method === 'PUT' ? !query.has('partNumber') : method === 'POST' && query.has('uploadId'));

const isStored = (exchange: S3Exchange): boolean => stores(exchange) && exchange.status === 200;

test('a trace whose first PUT was done but never answered is one object, and is archived once', async () => {
  const scenario = ground();
  const deaf = new Set<string>();
  const losesFirst = (exchange: Omit<S3Exchange, 'isLost'>): boolean => {
    if (!stores(exchange) || deaf.has(exchange.path)) return false;
    deaf.add(exchange.path);
    return true;
  };
  const isSelfTest = ({ path }: { readonly path: string }) =>
    path.includes('/afterbuild-self-test/');
  s3 = await startLossyS3(
    scenario.stack.addresses.s3.endpoint,
    (exchange) => !isSelfTest(exchange) && losesFirst(exchange),
  );
  const traces = await finishedTraces(
    scenario,
    sizes.flatMap((sizeBytes) => [{ sizeBytes }, { sizeBytes, isReported: false }]),
  );
  await announce(scenario, traces);
  const archiver = scenario.run('trace-archiver', { S3_ENDPOINT: s3.endpoint });
  await scenario.caughtUp('trace-archiver', 'builds.finished', 120_000);
  await expectArchived(scenario, traces);

  expect(s3.exchanges.filter(({ isLost }) => isLost)).toHaveLength(traces.length);
  const writes = s3.exchanges.filter((exchange) => isStored(exchange) && !isSelfTest(exchange));
  const perKey = Map.groupBy(writes, ({ path }) => path);
  expect(perKey.size).toBe(traces.length);
  // A single request is recognized by its checksum; parts are sent again, on the ETag's condition.
  const isWhole = (one: S3Exchange): boolean => one.method === 'PUT';
  for (const same of perKey.values()) expect(same).toHaveLength(same.every(isWhole) ? 1 : 2);
  const done = archiver
    .events('traces.archived')
    .reduce((sum, line) => sum + Number(line['archived']), 0);
  expect(done).toBe(traces.length);
  expect(await scenario.gitlab.redis.keys('gitlab:*')).toEqual([]);
});
