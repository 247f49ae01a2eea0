import { fileType } from '../../lib/gitlab/enums';
import { isGoing, planPipelines, shareOut, sharedMidnightMs, type PipelinePlan } from './plan';
import { createRandom } from './random';

const baseMs = Date.UTC(2026, 5, 15, 12, 0, 0);

function plan(artifacts: number, seed = 1): PipelinePlan[] {
  const random = createRandom(seed);
  return [...planPipelines({ artifacts, random, baseMs, projectIds: [1, 2, 3] })];
}

const artifactsOf = (pipelines: readonly PipelinePlan[]) =>
  pipelines.flatMap(({ jobs }) => jobs.flatMap((job) => job.artifacts));

test.each([1, 7, 10, 99, 25_000, 200_000])('of %i artifacts four fifths go', (artifacts) => {
  const shares = [...shareOut(artifacts)];
  const sum = (going: boolean) =>
    shares.reduce((total, [fate, share]) => total + (isGoing(fate) === going ? share : 0), 0);
  expect(sum(true)).toBe(Math.floor((artifacts * 4) / 5));
  expect(sum(true) + sum(false)).toBe(artifacts);
  expect(shares.every(([, share]) => share >= 0)).toBe(true);
});

test('every fate has its exact share in the plan', () => {
  const counted = new Map<string, number>();
  for (const { fate } of artifactsOf(plan(5_000))) counted.set(fate, (counted.get(fate) ?? 0) + 1);
  expect(counted).toEqual(new Map([...shareOut(5_000)].filter(([, share]) => share > 0)));
  expect(counted.size).toBe(13);
});

test('one seed makes one plan', () => {
  expect(plan(500, 7)).toEqual(plan(500, 7));
  expect(plan(500, 7)).not.toEqual(plan(500, 8));
});

test('a fifth of all artifacts share one midnight', () => {
  const midnight = sharedMidnightMs(baseMs);
  expect(midnight % 86_400_000).toBe(0);
  const tied = artifactsOf(plan(5_000)).filter(({ expireAtMs }) => expireAtMs === midnight);
  expect(tied).toHaveLength(1_000);
});

test('a job has one artifact of a type, never a trace, and at most five', () => {
  for (const job of plan(2_000).flatMap(({ jobs }) => jobs)) {
    const types = job.artifacts.map((artifact) => artifact.fileType);
    expect(new Set(types).size).toBe(types.length);
    expect(new Set(job.artifacts.map(({ file }) => file)).size).toBe(types.length);
    expect(types).not.toContain(fileType.trace);
    expect(types.length).toBeLessThanOrEqual(5);
  }
});

test('an artifact is locked as its pipeline is, unless that is unknown', () => {
  for (const pipeline of plan(2_000)) {
    for (const { locked, fate } of artifactsOf([pipeline])) {
      expect(locked).toBe(fate === 'unknown' ? 2 : Number(pipeline.locked));
      expect(fate === 'unlocked-later').toBe(pipeline.unlocks);
    }
  }
});

test('what goes at once has expired and is unlocked; what stays lacks one of the two', () => {
  for (const artifact of artifactsOf(plan(2_000))) {
    const expired = artifact.expireAtMs !== null && artifact.expireAtMs < baseMs;
    const mayGo = expired && artifact.locked === 0 && artifact.fileStore === 2;
    expect(mayGo).toBe(artifact.fate === 'expired' || artifact.fate === 'midnight');
  }
});

test('expiry does not follow the order of insertion', () => {
  const expiries = artifactsOf(plan(4_000))
    .filter(({ fate }) => fate === 'expired')
    .map(({ expireAtMs }) => expireAtMs ?? 0);
  const rises = expiries.filter((expiry, index) => index > 0 && expiry > expiries[index - 1]!);
  expect(rises.length / expiries.length).toBeGreaterThan(0.45);
  expect(rises.length / expiries.length).toBeLessThan(0.55);
});

test('all three kinds of key and all three partitions occur', () => {
  const pipelines = plan(2_000);
  const artifacts = artifactsOf(pipelines);
  expect(new Set(pipelines.map(({ partitionId }) => partitionId))).toEqual(
    new Set([100, 101, 102]),
  );
  expect(new Set(artifacts.map(({ fileLocation }) => fileLocation))).toEqual(new Set([1, 2, null]));
  expect(artifacts.filter(({ fileFinalPath }) => fileFinalPath !== null).length).toBeGreaterThan(
    100,
  );
});
