/** Builders of single things in a small GitLab, with their object and their entry in the ledger. */
import { artifactLocked, fileStore, fileType } from '../../lib/gitlab/enums';
import { chunkStore } from '../../lib/gitlab/trace-chunks';
import type { ArtifactEntry } from './ledger';
import { fileNameOf, keyColumns, type KeyKind } from './plan';
import { createRandom, type Random } from './random';
import { insertBuilds, insertPipelines, insertProjects, type Queryable } from './rows';
import {
  databaseNowMs,
  inTransaction,
  storeArtifacts,
  type NewArtifact,
  type SmallGitlab,
} from './small-gitlab';
import { storeLiveTraces, storeTraces } from './traces/traces';

export interface APipeline {
  readonly id: number;
  readonly partitionId: number;
  readonly projectId: number;
  readonly locked: boolean;
}

interface ABuild {
  readonly id: number;
  readonly partitionId: number;
  readonly projectId: number;
  readonly pipelineId: number;
  readonly locked: boolean;
}

interface ArtifactWish {
  /** A build of its own by default, since a build has one artifact of a type. */
  readonly build?: ABuild;
  /** Milliseconds from the database's now; negative is expired, null is never. Default: expired. */
  readonly expireInMs?: number | null;
  /** An instant shared by many; wins over `expireInMs`. */
  readonly expireAtMs?: number;
  /** Of the build's pipeline by default. */
  readonly locked?: number;
  readonly fileType?: number;
  /** Name of the file; one that fits the type by default. */
  readonly file?: string;
  readonly keyKind?: KeyKind;
  readonly fileStore?: number;
  readonly partitionId?: number;
  readonly sizeBytes?: number;
  readonly hasGeoState?: boolean;
  readonly hasReport?: boolean;
  /** Whether the final line counts it; traces are never counted. */
  readonly counted?: boolean;
}

const hourMs = 3_600_000;
const ageMs = 100 * 24 * hourMs;
const usual = {
  expireInMs: -hourMs,
  fileType: fileType.archive,
  keyKind: 'hashed',
  fileStore: fileStore.remote,
  hasGeoState: false,
  hasReport: false,
  counted: true,
} as const;
/** GitLab has 32 types that are not traces; a job of a bulk holds this many. */
const bulkTypes = Object.values(fileType)
  .filter((type) => type !== fileType.trace)
  .slice(0, 10);
const bulkRows = 5_000;

export class World {
  private readonly random: Random;
  private projectId: number | undefined;

  constructor(
    readonly gitlab: SmallGitlab,
    randomSeed = 1,
  ) {
    this.random = createRandom(randomSeed);
  }

  /** The one project of this world, made at first use. */
  async aProject(): Promise<number> {
    this.projectId ??= (await insertProjects(this.gitlab.pool, 1))[0] as number;
    return this.projectId;
  }

  async aPipeline(
    wish: { locked?: boolean; partitionId?: number; projectId?: number } = {},
  ): Promise<APipeline> {
    const { locked = false, partitionId = 100 } = wish;
    const projectId = wish.projectId ?? (await this.aProject());
    const createdAtMs = (await databaseNowMs(this.gitlab.pool)) - ageMs;
    const row = { locked, partitionId, projectId, createdAtMs, status: 'success' };
    const [id] = await insertPipelines(this.gitlab.pool, [row]);
    return { id: id as number, partitionId, projectId, locked };
  }

  /** A finished build, unless another status is asked for. */
  async aBuild(
    wish: { pipeline?: APipeline; status?: string; partitionId?: number } = {},
  ): Promise<ABuild> {
    const pipeline =
      wish.pipeline ?? (await this.aPipeline({ partitionId: wish.partitionId ?? 100 }));
    const [build] = await this.buildsOf(this.gitlab.pool, pipeline, 1, wish.status);
    return build as ABuild;
  }

  private async buildsOf(
    client: Queryable,
    pipeline: APipeline,
    count: number,
    status = 'success',
  ): Promise<ABuild[]> {
    const { partitionId, projectId, id: pipelineId, locked } = pipeline;
    const createdAtMs = (await databaseNowMs(client)) - ageMs;
    const finished = ['success', 'failed', 'canceled'].includes(status);
    const finishedAtMs = finished ? createdAtMs + 60_000 : null;
    const row = { partitionId, projectId, pipelineId, createdAtMs, finishedAtMs, status };
    const builds = Array.from({ length: count }, () => ({ ...row, type: 'Ci::Build' as const }));
    const ids = await insertBuilds(client, builds);
    return ids.map((id) => ({ id, partitionId, projectId, pipelineId, locked }));
  }

  /** One artifact as GitLab stores it; by default expired, unlocked, hashed: it should be deleted. */
  async anArtifact(wish: ArtifactWish = {}): Promise<ArtifactEntry> {
    const build = wish.build ?? (await this.aBuild({ partitionId: wish.partitionId ?? 100 }));
    const nowMs = await databaseNowMs(this.gitlab.pool);
    const entries = await inTransaction(this.gitlab.pool, (client) =>
      storeArtifacts(this.gitlab, client, [this.artifactOf(build, wish, nowMs)]),
    );
    this.gitlab.ledger.append(entries);
    return entries[0] as ArtifactEntry;
  }

  private artifactOf(build: ABuild, given: ArtifactWish, nowMs: number): NewArtifact {
    const wish = { ...usual, ...given };
    const expireAtMs = wish.expireInMs === null ? null : nowMs + wish.expireInMs;
    return {
      partitionId: build.partitionId,
      projectId: build.projectId,
      jobId: build.id,
      fileType: wish.fileType,
      file: wish.file ?? fileNameOf(wish.fileType),
      sizeBytes: wish.sizeBytes ?? this.random.whole(40, 600),
      createdAtMs: nowMs - ageMs,
      expireAtMs: wish.expireAtMs ?? expireAtMs,
      locked: wish.locked ?? (build.locked ? artifactLocked.artifactsLocked : 0),
      fileStore: wish.fileStore,
      ...keyColumns(wish.keyKind, build.projectId, this.random),
      counted: wish.counted && wish.fileType !== fileType.trace,
      hasGeoState: wish.hasGeoState,
      hasReport: wish.hasReport,
    };
  }

  /**
   * Many artifacts of one kind in one pipeline, ten a job, thousands a transaction. Without objects their rows would be
   * local (a `file_store` of 1 is kept), so they stay remote and the ledger claims no key.
   * @returns their entries in order of id.
   */
  async manyArtifacts(
    wish: Omit<ArtifactWish, 'build' | 'fileType'> & {
      readonly count: number;
      readonly withObjects?: boolean;
      readonly pipeline?: APipeline;
    },
  ): Promise<ArtifactEntry[]> {
    const pipeline =
      wish.pipeline ?? (await this.aPipeline({ partitionId: wish.partitionId ?? 100 }));
    const nowMs = await databaseNowMs(this.gitlab.pool);
    const withoutObjects = { load: () => Promise.resolve() };
    const means =
      wish.withObjects === false
        ? { objects: this.gitlab.objects, loader: withoutObjects }
        : this.gitlab;
    const all: ArtifactEntry[] = [];
    while (all.length < wish.count) {
      const count = Math.min(bulkRows, wish.count - all.length);
      const stored = await inTransaction(this.gitlab.pool, async (client) => {
        const jobs = Math.ceil(count / bulkTypes.length);
        const builds = await this.buildsOf(client, pipeline, jobs);
        const artifacts = builds.flatMap((build) =>
          bulkTypes.map((type) => this.artifactOf(build, { ...wish, fileType: type }, nowMs)),
        );
        return storeArtifacts(means, client, artifacts.slice(0, count));
      });
      const entries =
        wish.withObjects === false ? stored.map((entry) => ({ ...entry, key: null })) : stored;
      this.gitlab.ledger.append(entries);
      for (const entry of entries) all.push(entry);
    }
    return all;
  }

  /** An archived trace: row, metadata and object; every fourth of several looks expired. */
  async aTrace(build?: ABuild): Promise<ArtifactEntry> {
    const owner = build ?? (await this.aBuild());
    const baseMs = await databaseNowMs(this.gitlab.pool);
    const entries = await inTransaction(this.gitlab.pool, (client) =>
      storeTraces(this.gitlab, client, [owner], { random: this.random, baseMs }),
    );
    this.gitlab.ledger.append(entries);
    const artifact = entries.find(({ kind }) => kind === 'artifact');
    return artifact as ArtifactEntry;
  }

  /** A build whose trace is still in Redis; trace-world.ts has all other kinds. */
  async aLiveTrace(wish: { status?: string; partitionId?: number } = {}): Promise<ABuild> {
    const build = await this.aBuild({ status: 'running', ...wish });
    const sizeBytes = this.random.whole(50, 8_000);
    const storeOf = () => chunkStore.redisTraceChunks;
    const plan = { build, sizeBytes, storeOf, counted: false };
    const entries = await inTransaction(this.gitlab.pool, (client) =>
      storeLiveTraces(this.gitlab, client, [plan]),
    );
    this.gitlab.ledger.append(entries);
    return build;
  }
}
