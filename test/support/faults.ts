/** How long faults last, and which of them only the long run (`npm run faults`) has. */
import { until } from './until';

/** Set by `npm run faults`: every fault, for as long and as often as in production. */
export const isFull = process.env['AFTERBUILD_FULL_FAULTS'] === '1';

/** The long run's value there, the short one's in `npm test`. */
export const inFull = <T>(full: T, short: T): T => (isFull ? full : short);

/** For tests that only the long run has. */
export const longTest: jest.It = isFull ? test : test.skip;

/** The seed of random moments; AFTERBUILD_RANDOM_SEED repeats a run. */
export const randomSeed = Number(process.env['AFTERBUILD_RANDOM_SEED'] ?? 1);

/** Lets a fault last; meanwhile the pipeline goes on as far as it can. */
export async function lasts(ms: number): Promise<void> {
  const endAtMs = Date.now() + ms;
  await until('the fault has lasted long enough', () => Date.now() >= endAtMs, 2 * ms + 60_000);
}

/** Half of all values are below it, or at it; undefined of none. */
export function medianOf(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}

/** A figure for the report, on a line of its own. */
export function report(what: string, figures: object): void {
  process.stderr.write(`${what}: ${JSON.stringify(figures)}\n`);
}
