/** The interfaces that the deleter needs, in its own terms; main.ts plugs the adapters in. */
import type { ArtifactKeyColumns } from '../../lib/gitlab/object-key';
import type { Arrival } from '../../lib/brake/absence-gauge';
import type { Verdict } from '../../lib/brake/decide';
import type { JudgedRecord } from '../../lib/brake/records-ahead';

export interface ArtifactRows {
  /** Deletes and commits the rows that still may be deleted; @returns the ids deleted. */
  deleteDue(
    partitionId: number,
    artifacts: readonly ArtifactKeyColumns[],
  ): Promise<readonly number[]>;
  /** What `deleteDue` would delete now. */
  findDue(
    partitionId: number,
    artifacts: readonly ArtifactKeyColumns[],
  ): Promise<readonly number[]>;
  /** Those of the ids that have a row in any partition, in a snapshot taken now. */
  findExisting(ids: readonly number[]): Promise<readonly number[]>;
  /** The remote legacy artifacts of these jobs. */
  findLegacyClaims(jobIds: readonly number[]): Promise<readonly ArtifactKeyColumns[]>;
  /** Those of the final paths that a remote artifact of their project has. */
  findFinalPathClaims(
    finalPaths: readonly { readonly projectId: number; readonly path: string }[],
  ): Promise<readonly string[]>;
}

export interface ArtifactObjects {
  /** Whether the store can be asked to delete it at all. */
  canDelete(key: string): boolean;
  /** Called before rows are deleted. @throws while the store answers deletions with a refusal, or with no answer. */
  assertDeletes(): Promise<void>;
  /**
   * Up to 1,000 keys; @returns those that were not deleted, with the store's reason. @throws when the result is
   * unknown.
   */
  deleteObjects(
    keys: readonly string[],
  ): Promise<readonly { readonly key: string; readonly code: string }[]>;
  /** Null when there is no such object, or no such bucket. */
  headObject(key: string): Promise<object | null>;
}

/** Reads the bucket's tag again. @throws BrakeError when it is not the right bucket. */
export type ProveBucket = () => Promise<void>;

export interface DeletionBrake {
  /** @throws BrakeError while nothing may be deleted at all. */
  assertReleased(): Promise<void>;
  judge(record: JudgedRecord): Promise<Verdict>;
  hold(reason: string): void;
  readonly absence: {
    rememberDeleted(ids: Iterable<number>): void;
    wasDeletedHere(id: number): boolean;
    add(arrival: Arrival, deleted: number, absent: number): void;
    tooMany(): string | undefined;
  };
}

/** Called as soon as the effect is complete, with any later outcome of the record. */
export interface DeletionCounts {
  /** `deleted` when its transaction has committed, the others each time that they are found. */
  rows(fate: 'deleted' | 'already-gone' | 'kept' | 'left' | 'unusable', count: number): void;
  objects(count: number, bytes: number): void;
}

export interface DeletionAllowance {
  /** Takes `count`, or none and returns how many milliseconds to wait. */
  take(count: number, nowMs: number): number;
  giveBack(count: number): void;
}
