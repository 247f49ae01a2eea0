/** Finished builds with live traces for the archiver, and the records that announce them. */
import { createCodec } from '../../../lib/avro/codec';
import { createRegistry } from '../../../lib/avro/registry';
import { loadSchema } from '../../../lib/avro/schema-file';
import { createProducer } from '../../../lib/kafka/producer';
import { topicNames } from '../../../lib/kafka/topics/topics';
import { systemClock } from '../../../lib/process/clock';
import { traceRow } from '../../../ops/gitlab/traces/archived-trace';
import type { TraceBuild } from '../../../ops/gitlab/traces/live-trace';
import { createRandom } from '../../../ops/gitlab/random';
import { inTransaction } from '../../../ops/gitlab/small-gitlab';
import { traceSha256 } from '../../../ops/gitlab/traces/trace-bytes';
import { chunkRows, type ChunkStore } from '../../../ops/gitlab/traces/trace-stores';
import {
  finishBuilds,
  insertRunningBuilds,
  reportStates,
  storeLiveTraces,
} from '../../../ops/gitlab/traces/traces';
import type { BuildFinished } from '../../../schemas/generated';
import type { Scenario } from '../scenario/scenario';

export interface TraceWish {
  readonly sizeBytes: number;
  readonly storeOf?: (index: number) => ChunkStore;
  /** Whether the runner has reported its checksum; yes by default. */
  readonly isReported?: boolean;
}

export interface FinishedTrace {
  readonly build: TraceBuild;
  readonly sizeBytes: number;
}

/** Two hours before now: settled, and not yet stale. */
const finishedAgoMs = 2 * 3_600_000;

/** Builds that have finished, their traces still in chunks. */
export async function finishedTraces(
  { gitlab }: Scenario,
  wishes: readonly TraceWish[],
): Promise<FinishedTrace[]> {
  const finishedAtMs = Date.now() - finishedAgoMs;
  const { entries, traces } = await inTransaction(gitlab.pool, async (client) => {
    const builds = await insertRunningBuilds(client, {
      count: wishes.length,
      random: createRandom(1),
      baseMs: finishedAtMs,
      projectIds: [1, 2, 3],
    });
    const plans = wishes.map(({ sizeBytes, storeOf = () => 4 as const }, index) => ({
      build: builds[index]!,
      sizeBytes,
      storeOf,
      counted: true,
    }));
    const stored = await storeLiveTraces(gitlab, client, plans);
    await reportStates(
      client,
      plans.filter((_, index) => wishes[index]?.isReported ?? true),
    );
    const done = { statusOf: () => 'success' as const, finishedAtMsOf: () => finishedAtMs };
    return {
      entries: [...stored, ...(await finishBuilds(client, builds, done))],
      traces: plans.map(({ build, sizeBytes }) => ({ build, sizeBytes })),
    };
  });
  // After the commit: the reader of live traces checks the stores from this moment on.
  gitlab.ledger.append(entries);
  return traces;
}

/** Writes a record of `builds.finished` for each to the topic, as the producer would. */
export async function announce(
  scenario: Scenario,
  traces: readonly FinishedTrace[],
  change: Partial<BuildFinished> = {},
): Promise<void> {
  const topic = scenario.named(topicNames.buildsFinished);
  const registry = createRegistry({
    url: scenario.stack.addresses.registryUrl,
    clock: systemClock,
  });
  const codec = createCodec<BuildFinished>(registry, {
    subject: `${topic}-value`,
    schema: loadSchema(topicNames.buildsFinished),
  });
  const systemIdentifier = scenario.environment('archiver')['POSTGRES_SYSTEM_IDENTIFIER'] ?? '';
  const databaseName = scenario.scope.database;
  const producer = createProducer(scenario.kafka);
  await producer.connect();
  try {
    const records = traces.map(async ({ build }) => ({
      topic,
      key: `${build.partitionId}:${build.id}`,
      value: await codec.encode({
        origin: { systemIdentifier, databaseName, timeline: 1, lsn: 1 },
        source: 'change',
        partitionId: build.partitionId,
        buildId: build.id,
        projectId: build.projectId,
        status: 'success',
        finishedAtMs: Date.now() - finishedAgoMs,
        ...change,
      }),
    }));
    await producer.send(await Promise.all(records));
  } finally {
    await producer.disconnect();
  }
}

/** One object with the trace's bytes, a row that matches it, and no chunk left. */
export async function expectArchived(
  { gitlab }: Scenario,
  traces: readonly FinishedTrace[],
): Promise<void> {
  for (const { build, sizeBytes } of traces) {
    const row = await traceRow(gitlab.pool, build.id);
    const sha256 = traceSha256(build.id, sizeBytes);
    const stored = row?.key == null ? undefined : await gitlab.objects.read(row.key);
    expect([build.id, stored?.length]).toEqual([build.id, sizeBytes]);
    const { rows } = await gitlab.pool.query<{ sha256: string; size: string }>(
      `SELECT encode(file_sha256, 'escape') AS sha256, size FROM p_ci_job_artifacts
       WHERE job_id = $1 AND file_type = 3`,
      [build.id],
    );
    expect(rows).toEqual([{ sha256, size: String(sizeBytes) }]);
    expect(await chunkRows(gitlab, build.id)).toEqual([]);
  }
}
