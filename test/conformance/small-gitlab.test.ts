/** A seeded GitLab that works, and is cleaned like the pipeline does, is verified; any break is reported. */
import { FolderObjectLoader } from '../../ops/gitlab/folder-loader';
import type { MemoryLedger } from '../../ops/gitlab/ledger';
import { liveOnce } from '../../ops/gitlab/life';
import { seed, type Seeded } from '../../ops/gitlab/seed';
import { countOpenWork } from '../../ops/gitlab/open-work';
import { verify, type Verification } from '../../ops/gitlab/verify';
import { World } from '../../ops/gitlab/world';
import { bucketFolder } from '../support/stack/bucket';
import { createOwnGitlab, type OwnGitlab } from '../support/scenario/own-gitlab';
import { until } from '../support/until';

const name = `small-gitlab-${process.pid}`;
let gitlab: OwnGitlab;
let ledger: MemoryLedger;
let seeded: Seeded;

beforeAll(async () => {
  const own = await createOwnGitlab(name);
  gitlab = { ...own, loader: new FolderObjectLoader(bucketFolder(name)) };
  ledger = gitlab.ledger;
  seeded = await seed(gitlab, { builds: 40, artifacts: 1_000, randomSeed: 1 });
}, 60_000);

afterAll(() => gitlab.drop());

/** The pipeline's effect in two lines: rows, then objects. */
async function clean(): Promise<void> {
  const { rows } = await gitlab.pool.query<{ id: string }>(
    `DELETE FROM p_ci_job_artifacts WHERE locked = 0 AND file_type <> 3 AND file_store = 2
       AND expire_at < now() RETURNING id`,
  );
  const { artifacts } = await ledger.read();
  await gitlab.objects.remove(rows.flatMap(({ id }) => artifacts.get(Number(id))?.key ?? []));
}

const summary = ({ breaks }: Verification): string[] =>
  breaks.map(({ invariant, what, count }) => `${invariant} ${what}: ${count}`);

test('the totals are four fifths and one fifth once all is done, and nothing is broken', async () => {
  expect(seeded).toMatchObject({ willGo: 800, willStay: 200, willArchive: 24 });
  const before = await verify({ ...gitlab, ledger });
  expect(before).toMatchObject({ deleted: 0, kept: 1_000 });
  expect(before.overdue).toBeGreaterThan(600);
  expect(before.breaks.map(({ what }) => what)).toEqual(['expired rows are still there']);

  const life = await liveOnce(gitlab, seeded);
  expect(life).toMatchObject({ unlocked: 40, movedToPast: 16, locked: 10, extended: 10 });
  await until('nothing is left to expire', async () => {
    await clean();
    const open = await countOpenWork(gitlab.pool, 60_000);
    return open.due + open.soon === 0;
  });
  const after = await verify({ ...gitlab, ledger });
  expect(after).toMatchObject({ deleted: 800, kept: 200, overdue: 0, breaks: [] });
  expect(after).toMatchObject({ archived: 0, waiting: 24 });
  expect(life.traces).toMatchObject({ finished: 8, archivedByGitlab: 4, erased: 4 });
  expect(after.deletedByGitlab).toBe(life.deletedByGitlab);
}, 60_000);

test('each kind of break is found', async () => {
  const world = new World(gitlab, 3);
  const later = { expireInMs: 3_600_000 };
  const rowless = await world.anArtifact(later);
  const objectless = await world.anArtifact({ ...later, keyKind: 'final' });
  const altered = await world.anArtifact(later);
  const trace = await world.aTrace();
  const build = await world.aLiveTrace();
  expect(summary(await verify({ ...gitlab, ledger }))).toEqual([]);

  await gitlab.pool.query('DELETE FROM p_ci_job_artifacts WHERE id = $1', [rowless.id]);
  await gitlab.objects.remove([objectless.key!, 'README.txt']);
  await gitlab.objects.load([
    { key: trace.key!, body: Buffer.alloc(trace.sizeBytes, 1) },
    { key: `2026_01/1/${build.id}/nobodys.zip`, body: Buffer.from('x') },
  ]);
  await gitlab.pool.query('UPDATE p_ci_job_artifacts SET locked = 1 WHERE id = $1', [altered.id]);
  await gitlab.redis.del(`gitlab:ci:trace:${build.id}:chunks:0`);

  expect(summary(await verify({ ...gitlab, ledger })).sort()).toEqual([
    'I1 traces cannot be read whole: 2',
    'I3 rows point at missing objects: 1',
    'I4 objects outlived their rows: 1',
    'I4 objects without a claim: 1',
    'I5 objects of others are gone: 1',
    'I5 rows are gone that had to stay: 1',
    'I5 rows differ from what GitLab last wrote: 1',
  ]);
}, 60_000);
