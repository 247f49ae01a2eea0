import fc from 'fast-check';
import { LoopLimit } from './loop-limit';

const at = (partition: number, committed: number, end: number) => ({ partition, committed, end });

test('a record goes to its own partition until that is full, then where there is most room', () => {
  const limit = new LoopLimit(() => 2_000, 3, 1_000);
  limit.observe([at(0, 0, 1), at(1, 0, 0), at(2, 0, 0)]);
  expect(limit.reserve(0, 1_000)).toBe(0);
  expect(limit.reserve(0, 1)).toBe(1);
  expect(limit.reserve(0, 2_000)).toBe(2);
});

test('when all are full nothing is placed, and a commit makes room', () => {
  const limit = new LoopLimit(() => 1_000, 2, 1_000);
  for (const partition of [0, 1]) {
    expect(limit.reserve(partition, 1_000)).toBe(partition);
    limit.acknowledged(partition, 7, 1_000);
  }
  expect(limit.reserve(0, 1)).toBeNull();
  limit.observe([at(0, 7, 8), at(1, 8, 8)]);
  expect(limit.reserve(0, 1)).toBe(1);
});

test('one stuck partition does not stop the others', () => {
  const limit = new LoopLimit(() => 1_000, 2, 1_000);
  limit.observe([at(0, 0, 50), at(1, 0, 0)]);
  expect(limit.reserve(0, 1_000)).toBe(1);
  limit.acknowledged(1, 0, 1_000);
  limit.observe([at(0, 0, 50), at(1, 1, 1)]);
  expect(limit.reserve(0, 1_000)).toBe(1);
});

test('our own records count what they hold, those of others a full record', () => {
  const limit = new LoopLimit(() => 10_000, 1, 1_000);
  limit.reserve(0, 3);
  limit.acknowledged(0, 0, 3);
  limit.observe([at(0, 0, 4)]);
  expect(limit.inFlight(0)).toBe(3_003);
});

test('a send that failed gives its room back', () => {
  const limit = new LoopLimit(() => 1_000, 1, 1_000);
  limit.reserve(0, 600);
  limit.release(0, 600);
  expect(limit.inFlight(0)).toBe(0);
});

test('a record whose offset is unknown, or already done, is counted right', () => {
  const limit = new LoopLimit(() => 10_000, 1, 1_000);
  limit.reserve(0, 5);
  limit.acknowledged(0, null, 5);
  expect(limit.inFlight(0)).toBe(1_000);
  limit.observe([at(0, 4, 4)]);
  limit.reserve(0, 5);
  limit.acknowledged(0, 3, 5);
  expect(limit.inFlight(0)).toBe(0);
});

test('a partition that is added while we work is counted and filled like the others', () => {
  const limit = new LoopLimit(() => 1_000, 1, 1_000);
  limit.observe([at(0, 0, 1)]);
  expect(limit.reserve(0, 1)).toBeNull();
  limit.observe([at(0, 0, 1), at(1, 0, 0), at(2, 0, 3)]);
  expect(limit.reserve(0, 600)).toBe(1);
  expect([0, 1, 2].map((partition) => limit.inFlight(partition))).toEqual([1_000, 600, 3_000]);
});

test('with one producer the artifacts in flight are counted exactly, and never above the limit', () => {
  const limitArtifacts = 3_000;
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.record({ artifacts: fc.integer({ min: 1, max: 1_000 }) }),
          fc.record({ done: fc.integer({ min: 0, max: 3 }) }),
        ),
      ),
      (steps) => {
        const limit = new LoopLimit(() => limitArtifacts, 2, 1_000);
        const log: number[][] = [[], []];
        const committed = [0, 0];
        const inFlight = (p: number) => log[p]!.slice(committed[p]).reduce((a, b) => a + b, 0);
        for (const step of steps) {
          if ('done' in step) {
            for (const p of [0, 1])
              committed[p] = Math.min(log[p]!.length, committed[p]! + step.done);
            limit.observe([0, 1].map((p) => at(p, committed[p]!, log[p]!.length)));
          } else {
            const partition = limit.reserve(0, step.artifacts);
            if (partition === null) {
              for (const p of [0, 1])
                expect(inFlight(p) + step.artifacts).toBeGreaterThan(limitArtifacts);
            } else {
              log[partition]!.push(step.artifacts);
              limit.acknowledged(partition, log[partition]!.length - 1, step.artifacts);
            }
          }
          for (const p of [0, 1]) {
            expect(limit.inFlight(p)).toBe(inFlight(p));
            expect(limit.inFlight(p)).toBeLessThanOrEqual(limitArtifacts);
          }
        }
      },
    ),
  );
});

test('a limit that is raised while all is full makes room at once', () => {
  let most = 1_000;
  const limit = new LoopLimit(() => most, 1, 1_000);
  expect(limit.reserve(0, 1_000)).toBe(0);
  expect(limit.reserve(0, 1_000)).toBeNull();
  most = 2_000;
  expect(limit.reserve(0, 1_000)).toBe(0);
});
