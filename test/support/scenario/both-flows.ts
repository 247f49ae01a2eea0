/** Runs both flows on artifacts and traces whose correct fate is known. */
import { chunkStore } from '../../../lib/gitlab/trace-chunks';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import {
  announce,
  expectArchived,
  finishedTraces,
  type FinishedTrace,
} from '../records/archived-builds';
import type { RunningProcess } from './running-process';
import { processNames } from '../../../lib/process/processes';
import type { Scenario } from './scenario';
import { none, until } from '../until';

type Settings = Readonly<Record<string, string>>;

/** Small statements and frequent sweeps, so that some work is always in progress. */
export const briskly: Settings = {
  SWEEP_PAGE_ROWS: '100',
  DELETE_ROWS_MAX: '50',
  ARCHIVE_LEASE_MS: '2000',
  STALE_AGE_MS: '60000',
  STALE_EVERY_MS: '2000',
};

interface Wave {
  readonly artifacts?: number;
  readonly traces?: number;
  /** Whether GitLab has flushed the traces into the database; by default they are in Redis. */
  readonly flushed?: boolean;
  /** When the artifacts expire; by default they have. */
  readonly expireInMs?: number;
  /** Whether the test itself announces the builds, like a producer; yes by default. */
  readonly announced?: boolean;
}

export class BothFlows {
  readonly artifacts: ArtifactEntry[] = [];
  readonly traces: FinishedTrace[] = [];

  constructor(private readonly scenario: Scenario) {}

  /** @param ofConsumers by default the same as the producers'. */
  run(ofProducers: Settings = {}, ofConsumers: Settings = ofProducers): RunningProcess[] {
    return processNames.map((name, at) =>
      this.scenario.run(name, { ...briskly, ...(at < 2 ? ofProducers : ofConsumers) }),
    );
  }

  /** GitLab goes on: artifacts expire, builds finish and are announced. */
  async more({
    artifacts = 200,
    traces = 20,
    expireInMs = -1,
    flushed = false,
    announced = true,
  }: Wave = {}): Promise<void> {
    const { world } = this.scenario;
    if (artifacts > 0) {
      this.artifacts.push(...(await world.manyArtifacts({ count: artifacts, expireInMs })));
    }
    const wishes = Array.from({ length: traces }, (_, index) => ({
      sizeBytes: index % 10 === 9 ? 300_000 : 100 * index,
      storeOf: () => (flushed ? chunkStore.database : chunkStore.redisTraceChunks),
    }));
    if (traces === 0) return;
    const finished = await finishedTraces(this.scenario, wishes);
    this.traces.push(...finished);
    if (announced) await announce(this.scenario, finished);
  }

  /** Waits until all artifacts are gone, all traces archived and both groups have committed everything. */
  async done(deadlineMs = 90_000): Promise<void> {
    await this.scenario.gone(this.artifacts, deadlineMs);
    await this.scenario.caughtUp('artifact-deleter', 'artifacts.expired', deadlineMs);
    // Lag does not show builds that the producer has not announced yet.
    const ids = this.traces.map(({ build }) => build.id);
    const waiting = async (): Promise<boolean> => {
      const rows = await this.scenario.sql<{ build_id: string }>(
        'SELECT DISTINCT build_id FROM ci_build_trace_chunks WHERE build_id = ANY($1)',
        [ids],
      );
      return none(
        'chunks',
        rows.map((row) => row.build_id),
      );
    };
    await until('the traces have no chunks left', waiting, deadlineMs);
    await this.scenario.caughtUp('trace-archiver', 'builds.finished', deadlineMs);
    await expectArchived(this.scenario, this.traces);
  }
}
