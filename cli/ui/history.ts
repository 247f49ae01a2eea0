/** The last hour in points of ten seconds, for the curves. Pure. */

interface Point {
  readonly atMs: number;
  /** By the name of the curve; null where nothing was known. */
  readonly values: Readonly<Record<string, number | null>>;
}

const stepMs = 10_000;
const keptMs = 3_600_000;

export class History {
  #points: readonly Point[] = [];

  /** @returns whether it became a point: one that comes too early is left out. */
  add(point: Point): boolean {
    const last = this.#points.at(-1);
    if (last !== undefined && point.atMs < last.atMs + stepMs) return false;
    this.#points = [...this.#points, point].filter(({ atMs }) => atMs > point.atMs - keptMs);
    return true;
  }

  get points(): readonly Point[] {
    return this.#points;
  }
}
