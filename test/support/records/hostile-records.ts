/** Records with any claims about artifacts that exist, that never did, and about each other's keys. */
import fc from 'fast-check';
import type { ExpiredRecord } from '../../../consumers/artifact-deleter/handler';
import { artifactObjectKey, type ArtifactKeyColumns } from '../../../lib/gitlab/object-key';
import { failureHeaders } from '../../../lib/runtime/failure-headers';
import type { ExpiredArtifact } from '../../../schemas/generated';
import { artifact, record } from '../memory/artifact-deletion';

/** What an attacker knows of the rows: ids, columns and keys, to be combined in any way. */
interface Known {
  readonly artifacts: readonly ArtifactKeyColumns[];
  /** Of rows that are gone, or never were; their objects may be there. */
  readonly absentIds: readonly number[];
  readonly partitionIds: readonly number[];
}

const of = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

function hostileArtifact({ artifacts, absentIds }: Known): fc.Arbitrary<ExpiredArtifact> {
  const columns = <K extends keyof ArtifactKeyColumns>(name: K) =>
    of(artifacts.map((one) => one[name]));
  const keys = artifacts.flatMap((one) => artifactObjectKey(one) ?? []);
  const forged = fc.record({
    id: fc.oneof(columns('id'), of(absentIds)),
    projectId: columns('projectId'),
    jobId: columns('jobId'),
    createdOnDays: columns('createdOnDays'),
    file: fc.oneof(columns('file'), of(['../x', 'a/b', ...keys])),
    fileLocation: fc.constantFrom(null, 1, 2, 7),
    fileFinalPath: fc.oneof(fc.constant(null), of(keys)),
  });
  const real = of(artifacts);
  // The key of a real artifact under the id of a deleted one: the name of a row's object is easily known.
  const borrowed = fc.tuple(real, of(absentIds)).map(([one, id]) => ({ ...one, id }));
  return fc
    .oneof(forged, real, borrowed)
    .map(({ id, ...one }) => artifact(id, { ...one, fileFinalPath: one.fileFinalPath ?? null }));
}

const hostileHeaders = fc.constantFrom<Record<string, string>>(
  {},
  { replay: 'r1' },
  { [failureHeaders.redriveId]: 'x', [failureHeaders.redriveCount]: '1' },
  { [failureHeaders.originTopic]: 'artifacts.expired', [failureHeaders.attempts]: '9' },
);

/** One micro-batch of them. */
export function hostileRecords(known: Known): fc.Arbitrary<ExpiredRecord[]> {
  const one = fc
    .record({
      artifacts: fc.array(hostileArtifact(known), { minLength: 1, maxLength: 6 }),
      partitionId: of(known.partitionIds),
      source: fc.constantFrom('sweep', 'change', 'repair', 'x'),
      headers: hostileHeaders,
      topic: fc.constantFrom('artifacts.expired', 'artifacts.expired.artifact-deleter.retry.30s'),
      attempt: fc.integer({ min: 1, max: 3 }),
      maybeRepeated: fc.boolean(),
    })
    .map(({ artifacts, partitionId, source, ...other }) => {
      const made = record(artifacts, other);
      return { ...made, value: { ...made.value, partitionId, source } };
    });
  return fc.array(one, { minLength: 1, maxLength: 4 });
}
