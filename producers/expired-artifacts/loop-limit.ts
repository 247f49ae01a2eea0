/**
 * How many artifacts may be in flight: produced, but not done by the group that deletes. Pure.
 *
 * Counted a Kafka partition, so that one stuck lane fills its own partition and the others go on. What
 * this process produced is counted to the artifact; what others produced is known by its offsets only
 * and counts as full records.
 */
import type { PartitionBacklog } from './ports';

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
   * @param limit asked at each record: it may change while we work.
   * @param partitions of the topic at the start; those that are added later are counted from when they are met.
   * @param recordArtifactsMax what a record of somebody else counts.
   */
  constructor(limit: () => number, partitions: number, recordArtifactsMax: number) {
    this.#limit = limit;
    this.#recordArtifactsMax = recordArtifactsMax;
    this.#lanes = Array.from({ length: partitions }, emptyLane);
  }

  /** What the deleting group has yet to do, as it was read just now. */
  observe(backlog: readonly PartitionBacklog[]): void {
    for (const { partition, committed, end } of backlog) {
      const lane = this.#lane(partition);
      // A rewound group (a replay) has to do again what was forgotten here: it counts as foreign.
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

  /** Of all partitions: what this process has produced, to the artifact; others' records are not among them. */
  get ownInFlight(): number {
    return this.#lanes.reduce(
      (sum, { ownArtifacts, reserved }) => sum + ownArtifacts + reserved,
      0,
    );
  }

  /**
   * Takes room for one record: on the partition that its key belongs to, or else where there is most.
   * @returns the partition, or null when all are full.
   */
  reserve(preferred: number, artifacts: number): number | null {
    const partition = this.#hasRoom(preferred, artifacts) ? preferred : this.#emptiest();
    if (!this.#hasRoom(partition, artifacts)) return null;
    this.#lane(partition).reserved += artifacts;
    return partition;
  }

  /** @param offset null where it is not known: the next observation counts the record. */
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
