/** H1 against the real statements: no record, with any content, deletes an object that a row claims. */
import fc from 'fast-check';
import { artifactObjectKey, projectHashPath } from '../../lib/gitlab/object-key';
import { traceKey } from '../../lib/gitlab/trace-key';
import { PostgresArtifacts } from '../../lib/stores/postgres/artifacts';
import { insertBuilds, insertPipelines } from '../../ops/gitlab/rows';
import { deleterOf } from '../support/memory/artifact-deletion';
import { ArtifactSource, type NewRow } from '../support/records/artifact-source';
import { hostileRecords } from '../support/records/hostile-records';
import { MemoryObjects } from '../support/memory/memory-artifacts';

const source = new ArtifactSource('hostile_records');
beforeAll(() => source.open());
afterAll(() => source.close());

async function builds(count: number): Promise<readonly number[]> {
  const place = { partitionId: 100, projectId: 1, createdAtMs: 0, status: 'success' };
  const [pipelineId] = await insertPipelines(source.owner, [{ ...place, locked: false }]);
  const build = { ...place, pipelineId: pipelineId!, finishedAtMs: 0, type: 'Ci::Build' as const };
  return insertBuilds(
    source.owner,
    Array.from({ length: count }, () => build),
  );
}

const finalPath = (name: number): string =>
  `${projectHashPath(1)}/@final/ab/cd/${String(name).padStart(60, '0')}`;

/** Every shape of key, and jobs with several legacy artifacts, of which a key names only the file. */
async function someRows(): Promise<NewRow[]> {
  const jobIds = await builds(7);
  const row = (job: number, other: Partial<NewRow> = {}): NewRow => ({
    ...{ partitionId: 100, projectId: 1, jobId: jobIds[job]!, createdOnDays: 20_000, fileType: 1 },
    ...{ file: 'artifacts.zip', fileStore: 2, fileLocation: 2, fileFinalPath: null },
    ...{ locked: 1, expiresInMs: -60_000 },
    ...other,
  });
  const trace = traceKey({ partitionId: 100, buildId: jobIds[6]!, projectId: 1 });
  return [
    ...[row(0), row(1, { projectId: 2 }), row(1, { file: null, fileType: 2 })],
    ...[row(2, { fileLocation: 1 }), row(2, { fileLocation: 1, fileType: 2 })],
    row(3, { fileLocation: 1, file: 'other.zip' }),
    ...[4, 5].map((job) => row(job, { fileFinalPath: finalPath(jobIds[job]!) })),
    row(6, { fileFinalPath: trace, fileType: 3, expiresInMs: null }),
  ];
}

test('no record, with any fields, shapes, sources and headers, deletes an object that a row claims', async () => {
  const rows = new PostgresArtifacts(source.pool('afterbuild_deleter'));
  await fc.assert(
    fc.asyncProperty(
      fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]),
      fc.subarray([0, 1, 2, 3, 4, 5, 6, 7, 8]),
      fc.nat(),
      async (due, gone, seed) => {
        const wanted = await someRows();
        const all = await source.insert(
          wanted.map((row, at) => (due.includes(at) ? { ...row, locked: 0 } : row)),
        );
        const objects = new MemoryObjects();
        for (const one of all) objects.keys.add(artifactObjectKey(one) ?? '');
        await source.owner.query('DELETE FROM p_ci_job_artifacts WHERE id = ANY ($1)', [
          gone.map((at) => all[at]!.id),
        ]);
        const absentIds = [1, 2, 3].map((beyond) => 1_000_000_000 + beyond);
        const known = { artifacts: all, absentIds, partitionIds: [100, 101] };
        const { handle } = deleterOf({ rows, objects });
        for (const records of fc.sample(hostileRecords(known), { seed, numRuns: 20 })) {
          await handle(...records);
        }
        const left = new Set(await rows.findExisting(all.map(({ id }) => id)));
        const claimed = all.filter(({ id }) => left.has(id)).map((one) => artifactObjectKey(one));
        const missing = claimed.filter((key) => key !== null && !objects.keys.has(key));
        expect(missing).toEqual([]);
        const mayNotGo = all.filter((_, at) => !due.includes(at) && !gone.includes(at));
        expect(mayNotGo.every(({ id }) => left.has(id))).toBe(true);
      },
    ),
    { numRuns: 25 },
  );
}, 60_000);
