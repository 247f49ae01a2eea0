/** A deleter on stores in memory, with records to feed it. */
import { pino } from 'pino';
import {
  createHandler,
  type DeleterOptions,
  type ExpiredRecord,
} from '../../../consumers/artifact-deleter/handler';
import { AbsenceGauge } from '../../../lib/brake/absence-gauge';
import { BrakeError } from '../../../lib/brake/brake';
import type { Verdict } from '../../../lib/brake/decide';
import { artifactObjectKey, projectHashPath } from '../../../lib/gitlab/object-key';
import type { Clock } from '../../../lib/process/clock';
import { steps } from '../../../lib/process/steps';
import type { ArtifactsExpired, ExpiredArtifact } from '../../../schemas/generated';
import { MemoryArtifactRows, MemoryObjects, type MemoryRow } from './memory-artifacts';

const origin = { systemIdentifier: '7', databaseName: 'gitlab', timeline: 1, lsn: 1 };
export const deleterSteps = steps.filter((step) => step.startsWith('deleter.'));
const signal = new AbortController().signal;

export function artifact(id: number, other: Partial<ExpiredArtifact> = {}): ExpiredArtifact {
  return {
    id,
    projectId: 1,
    jobId: 100 + id,
    createdOnDays: 20_000,
    fileType: 1,
    file: 'artifacts.zip',
    fileStore: 2,
    fileLocation: 2,
    fileFinalPath: null,
    sizeBytes: 10,
    ...other,
  };
}

export const legacy = (id: number, jobId: number) => artifact(id, { jobId, fileLocation: 1 });
export const finalPath = (id: number) =>
  `${projectHashPath(1)}/@final/ab/cd/${String(id).padStart(60, '0')}`;

export function record(artifacts: readonly ExpiredArtifact[], other: Partial<ExpiredRecord> = {}) {
  const value: ArtifactsExpired = { origin, source: 'sweep', partitionId: 100, artifacts };
  return {
    topic: 'artifacts.expired',
    partition: 0,
    offset: 0,
    key: '100:1',
    value,
    headers: {},
    timestampMs: 5,
    sizeBytes: 1,
    attempt: 1,
    maybeRepeated: false,
    ...other,
  } satisfies ExpiredRecord;
}

/** Stores that agree, with a row and an object for each artifact. */
export function stored(artifacts: readonly ExpiredArtifact[], other: Partial<MemoryRow> = {}) {
  const rows = new MemoryArtifactRows();
  const objects = new MemoryObjects();
  for (const one of artifacts) {
    rows.rows.set(one.id, { ...one, partitionId: 100, locked: 0, expireAtMs: 1, ...other });
    const key = artifactObjectKey(one);
    if (key !== null) objects.keys.add(key);
  }
  return { rows, objects };
}

export const deleter = (stores: ReturnType<typeof stored>, other: Partial<DeleterOptions> = {}) =>
  deleterOf({ ...stores, ...other });

/** The same on any stores. */
export function deleterOf({
  rows,
  objects,
  ...other
}: Pick<DeleterOptions, 'rows' | 'objects'> & Partial<DeleterOptions>) {
  const absence = new AbsenceGauge();
  const state: { held: string | undefined; verdict: Verdict } = {
    held: undefined,
    verdict: { kind: 'same-history' },
  };
  const clock: Clock = {
    nowMs: () => 1_000,
    sleep: () => Promise.resolve(),
    every: () => () => undefined,
  };
  const lines: Record<string, unknown>[] = [];
  /** `<partition_id>:<id> <field>` */
  const aside: string[] = [];
  const logger = pino(
    { base: {} },
    { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const handle = createHandler({
    rows,
    objects,
    proveBucket: () => Promise.resolve(),
    brake: {
      assertReleased: () =>
        state.held === undefined ? Promise.resolve() : Promise.reject(new BrakeError(state.held)),
      judge: () => Promise.resolve(state.verdict),
      hold: (reason) => (state.held = reason),
      absence,
    },
    allowance: { take: () => 0, giveBack: () => undefined },
    counts: { rows: () => undefined, objects: () => undefined },
    setAside: { add: ({ id, field }) => void aside.push(`${id} ${field}`) },
    rowsMax: 1_000,
    dryRun: false,
    holdsDry: () => false,
    clock,
    random: () => 0.5,
    logger,
    reach: () => undefined,
    ...other,
  });
  return { state, lines, aside, handle: (...records: ExpiredRecord[]) => handle(records, signal) };
}
