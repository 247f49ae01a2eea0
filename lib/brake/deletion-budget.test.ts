import { DeletionBudget } from './deletion-budget';

/** Deletions granted within a minute, requested in batches of `batch`. */
function throughIn(minuteMs: number, budget: DeletionBudget, batch: number): number {
  let total = 0;
  for (let nowMs = 1_000; nowMs < 1_000 + minuteMs;) {
    const waitMs = budget.take(batch, nowMs);
    if (waitMs === 0) total += batch;
    nowMs += waitMs;
  }
  return total;
}

test('the whole cap belongs to the holder of all partitions', () => {
  const budget = new DeletionBudget({ perMinuteMax: 60_000, partitionsTotal: () => 4 });
  for (const partition of [0, 1, 2, 3]) budget.assigned(partition);
  const through = throughIn(60_000, budget, 1_000);
  expect(through).toBeGreaterThanOrEqual(59_000);
  expect(through).toBeLessThanOrEqual(62_000);
});

test('a share of the partitions is a share of the cap, and a lost partition takes its share along', () => {
  const budget = new DeletionBudget({ perMinuteMax: 60_000, partitionsTotal: () => 4 });
  budget.assigned(0);
  budget.assigned(1);
  budget.lost(1);
  const through = throughIn(60_000, budget, 100);
  expect(through).toBeGreaterThanOrEqual(14_500);
  expect(through).toBeLessThanOrEqual(15_500);
});

test('partitions that are added take their share of the cap', () => {
  const topic = { partitions: 4 };
  const budget = new DeletionBudget({
    perMinuteMax: 60_000,
    partitionsTotal: () => topic.partitions,
  });
  budget.assigned(0);
  topic.partitions = 6;
  const through = throughIn(60_000, budget, 100);
  expect(through).toBeGreaterThanOrEqual(9_700);
  expect(through).toBeLessThanOrEqual(10_300);
});

test('what was not deleted is given back', () => {
  const budget = new DeletionBudget({ perMinuteMax: 600, partitionsTotal: () => 1 });
  budget.assigned(0);
  expect(budget.take(1_000, 1_000)).toBe(0);
  expect(budget.take(1, 1_000)).toBeGreaterThan(0);
  budget.giveBack(1_000);
  expect(budget.take(1, 1_000)).toBe(0);
});
