/**
 * Artifact rows and objects in memory, for tests of the deletion; conformance tests compare them with the real stores.
 */
import { fileLocation, fileStore, fileType } from '../../../lib/gitlab/enums';
import { artifactObjectKey, type ArtifactKeyColumns } from '../../../lib/gitlab/object-key';
import type { ArtifactObjects, ArtifactRows } from '../../../consumers/artifact-deleter/ports';

export interface MemoryRow extends ArtifactKeyColumns {
  partitionId: number;
  locked: number;
  fileType: number;
  fileStore: number;
  /** Null: never. */
  expireAtMs: number | null;
}

export class MemoryArtifactRows implements ArtifactRows {
  readonly rows = new Map<number, MemoryRow>();
  nowMs = 1_000;

  deleteDue(partitionId: number, artifacts: readonly ArtifactKeyColumns[]): Promise<number[]> {
    const ids = this.#due(partitionId, artifacts);
    for (const id of ids) this.rows.delete(id);
    return Promise.resolve(ids);
  }

  findDue(partitionId: number, artifacts: readonly ArtifactKeyColumns[]): Promise<number[]> {
    return Promise.resolve(this.#due(partitionId, artifacts));
  }

  findExisting(ids: readonly number[]): Promise<number[]> {
    return Promise.resolve(ids.filter((id) => this.rows.has(id)));
  }

  findLegacyClaims(jobIds: readonly number[]): Promise<ArtifactKeyColumns[]> {
    return Promise.resolve(
      this.#remote().filter(
        (row) => row.fileLocation === fileLocation.legacy && jobIds.includes(row.jobId),
      ),
    );
  }

  findFinalPathClaims(
    finalPaths: readonly { readonly projectId: number; readonly path: string }[],
  ): Promise<string[]> {
    const isClaimed = (projectId: number, path: string) =>
      this.#remote().some((row) => row.projectId === projectId && row.fileFinalPath === path);
    const claimed = finalPaths.filter(({ projectId, path }) => isClaimed(projectId, path));
    return Promise.resolve(claimed.map(({ path }) => path));
  }

  #remote(): MemoryRow[] {
    return [...this.rows.values()].filter((row) => row.fileStore === fileStore.remote);
  }

  #due(partitionId: number, artifacts: readonly ArtifactKeyColumns[]): number[] {
    const due = artifacts.filter((known) => {
      const row = this.rows.get(known.id);
      return row?.partitionId === partitionId && this.#mayGo(row) && isUnchanged(row, known);
    });
    return [...new Set(due.map(({ id }) => id))];
  }

  #mayGo(row: MemoryRow): boolean {
    return (
      row.locked === 0 &&
      row.fileType !== fileType.trace &&
      row.fileStore === fileStore.remote &&
      row.expireAtMs !== null &&
      row.expireAtMs < this.nowMs
    );
  }
}

const keyColumns = [
  'projectId',
  'jobId',
  'createdOnDays',
  'file',
  'fileLocation',
  'fileFinalPath',
] as const;

const isUnchanged = (row: ArtifactKeyColumns, known: ArtifactKeyColumns): boolean =>
  keyColumns.every((column) => row[column] === known[column]);

export class MemoryObjects implements ArtifactObjects {
  readonly keys = new Set<string>();
  /** Keys that cannot be deleted, with the reason given. */
  readonly refused = new Map<string, string>();
  /** Keys that no request can name. */
  readonly unsendable = new Set<string>();
  /** The error of every deletion as a whole. */
  broken: Error | undefined;

  canDelete(key: string): boolean {
    return !this.unsendable.has(key);
  }

  assertDeletes(): Promise<void> {
    return this.broken ? Promise.reject(this.broken) : Promise.resolve();
  }

  deleteObjects(keys: readonly string[]): Promise<{ key: string; code: string }[]> {
    const failed = keys.filter((key) => this.refused.has(key));
    for (const key of keys) if (!this.refused.has(key)) this.keys.delete(key);
    return Promise.resolve(failed.map((key) => ({ key, code: this.refused.get(key) ?? '' })));
  }

  headObject(key: string): Promise<object | null> {
    return Promise.resolve(this.keys.has(key) ? {} : null);
  }
}

/** I3: rows whose object is missing. */
export function rowsWithoutObject(rows: MemoryArtifactRows, objects: MemoryObjects): number[] {
  return [...rows.rows.values()]
    .filter((row) => {
      const key = row.fileStore === fileStore.remote ? artifactObjectKey(row) : null;
      return key !== null && !objects.keys.has(key);
    })
    .map(({ id }) => id);
}

/** I4: objects that no row claims. */
export function objectsWithoutRow(rows: MemoryArtifactRows, objects: MemoryObjects): string[] {
  const claimed = new Set([...rows.rows.values()].map((row) => artifactObjectKey(row)));
  return [...objects.keys].filter((key) => !claimed.has(key));
}
