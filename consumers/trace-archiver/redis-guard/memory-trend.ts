/** Predicts when a Redis is full, from the growth of its memory. Pure. */
import type { Memory } from './ports';

interface Sample {
  readonly atMs: number;
  readonly usedBytes: number;
}

/** With one reading every ten seconds: ten minutes. */
const samplesMax = 60;
/** With fewer readings a line means nothing. */
const samplesMin = 6;
/** A time further away than this is no forecast. */
const horizonMs = 30 * 86_400_000;

export class MemoryTrend {
  #samples: Sample[] = [];
  #last: Memory | null = null;

  /** Other memory values of a server are left out: the schema of the status has no room for them. */
  add(atMs: number, { usedBytes, maxBytes }: Memory): void {
    this.#last = { usedBytes, maxBytes };
    this.#samples = [...this.#samples, { atMs, usedBytes }].slice(-samplesMax);
  }

  /** After a move, or when the server does not answer: earlier readings predict nothing. */
  forget(): void {
    this.#samples = [];
  }

  /** The last reading; null before the first one, and while the server does not answer. */
  get last(): Memory | null {
    return this.#last;
  }

  lost(): void {
    this.#last = null;
    this.forget();
  }

  /**
   * @returns milliseconds until it is full at this rate; null when it does not grow, has no limit, or the rate is
   * unknown.
   */
  fullInMs(): number | null {
    const { last } = this;
    if (last?.maxBytes == null) return null;
    if (last.usedBytes >= last.maxBytes) return 0;
    const bytesPerMs = slopeOf(this.#samples);
    if (bytesPerMs === null || bytesPerMs <= 0) return null;
    const leftMs = (last.maxBytes - last.usedBytes) / bytesPerMs;
    return leftMs > horizonMs ? null : Math.round(leftMs);
  }
}

/** By the line of least squares: single peaks count little. */
function slopeOf(samples: readonly Sample[]): number | null {
  const [first] = samples;
  if (!first || samples.length < samplesMin) return null;
  const points = samples.map(({ atMs, usedBytes }) => ({ x: atMs - first.atMs, y: usedBytes }));
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map((one) => one.x)), mean(points.map((one) => one.y))];
  const spread = points.reduce((sum, one) => sum + (one.x - x) ** 2, 0);
  if (spread === 0) return null;
  return points.reduce((sum, one) => sum + (one.x - x) * (one.y - y), 0) / spread;
}
