/**
 * Limits how many artifacts may be in flight: produced, but not finished by the group that deletes. Pure.
 *
 * Counted for each Kafka partition, so that one stuck lane fills its own partition and the others go on. Artifacts of
 * this process are counted exactly; those of other processes are known by their offsets only and count as full records.
 */
import type { PartitionBacklog } from '../../lib/source/encoded-topic';

interface Lane {
  /** Acknowledged records of this process, by offset. */
  readonly own: Map<number, number>;
  ownArtifacts: number;
  /** Placed, but not acknowledged yet. */
  reserved: number;
  foreignRecords: number;
  committed: number;
}

export class LoopLimit {
  readonly #limit: () => number;
  readonly #recordArtifactsMax: number;
  readonly #lanes: Lane[];

  /**
   * @param limit read at each record: it may change meanwhile.
   * @param partitions of the topic at the start; added ones are counted once they are seen.
   * @param recordArtifactsMax how many artifacts a record of another process counts.
   */
  constructor(limit: () => number, partitions: number, recordArtifactsMax: number) {
    this.#limit = limit;
    this.#recordArtifactsMax = recordArtifactsMax;
    this.#lanes = Array.from({ length: partitions }, emptyLane);
  }

  /** The backlog of the deleting group, as just read. */
  observe(backlog: readonly PartitionBacklog[]): void {
    for (const { partition, committed, end } of backlog) {
      const lane = this.#lane(partition);
      // A rewound group (a replay) repeats records that were forgotten here: they count as foreign.
      for (const [offset, artifacts] of lane.own) {
        if (offset >= committed) continue;
        lane.own.delete(offset);
        lane.ownArtifacts -= artifacts;
      }
      const ownBelowEnd = [...lane.own.keys()].filter((offset) => offset < end).length;
      lane.foreignRecords = Math.max(0, end - committed - ownBelowEnd);
      lane.committed = committed;
    }
  }

  inFlight(partition: number): number {
    const lane = this.#lane(partition);
    return lane.ownArtifacts + lane.reserved + lane.foreignRecords * this.#recordArtifactsMax;
  }

  /** Over all partitions: artifacts of this process, exactly; records of others are not included. */
  get ownInFlight(): number {
    return this.#lanes.reduce(
      (sum, { ownArtifacts, reserved }) => sum + ownArtifacts + reserved,
      0,
    );
  }

  /**
   * Takes room for one record: on the partition of its key, or else where there is most.
   * @returns the partition, or null when all are full.
   */
  reserve(preferred: number, artifacts: number): number | null {
    const partition = this.#hasRoom(preferred, artifacts) ? preferred : this.#emptiest();
    if (!this.#hasRoom(partition, artifacts)) return null;
    this.#lane(partition).reserved += artifacts;
    return partition;
  }

  /** @param offset null where it is unknown: the next observation counts the record. */
  acknowledged(partition: number, offset: number | null, artifacts: number): void {
    const lane = this.#lane(partition);
    lane.reserved -= artifacts;
    if (offset === null) {
      lane.foreignRecords += 1;
    } else if (offset >= lane.committed) {
      lane.own.set(offset, artifacts);
      lane.ownArtifacts += artifacts;
    }
  }

  /** The record was not produced, as far as we know. */
  release(partition: number, artifacts: number): void {
    this.#lane(partition).reserved -= artifacts;
  }

  #hasRoom(partition: number, artifacts: number): boolean {
    return this.inFlight(partition) + artifacts <= this.#limit();
  }

  #emptiest(): number {
    let best = 0;
    for (let partition = 1; partition < this.#lanes.length; partition += 1) {
      if (this.inFlight(partition) < this.inFlight(best)) best = partition;
    }
    return best;
  }

  #lane(partition: number): Lane {
    while (this.#lanes.length <= partition) this.#lanes.push(emptyLane());
    return this.#lanes[partition] ?? emptyLane();
  }
}

const emptyLane = (): Lane => ({
  own: new Map<number, number>(),
  ownArtifacts: 0,
  reserved: 0,
  foreignRecords: 0,
  committed: 0,
});
