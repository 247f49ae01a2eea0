import { ByteBudget } from './byte-budget';

/** Work that ends when the test ends it. */
function held(budget: ByteBudget, bytes: number) {
  const state = { began: false, end: (): void => undefined };
  const ended = budget.hold(bytes, () => {
    state.began = true;
    return new Promise<void>((resolve) => (state.end = resolve));
  });
  return { state, ended };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('work waits for bytes in the order of asking, and the bytes come back when it ends', async () => {
  const budget = new ByteBudget(10);
  const [first, large, small] = [held(budget, 6), held(budget, 8), held(budget, 1)];
  await turn();
  expect([first, large, small].map(({ state }) => state.began)).toEqual([true, false, false]);
  first.state.end();
  await first.ended;
  await turn();
  expect([large.state.began, small.state.began]).toEqual([true, true]);
  large.state.end();
  small.state.end();
  await Promise.all([large.ended, small.ended]);
  const all = held(budget, 10);
  await turn();
  expect(all.state.began).toBe(true);
  all.state.end();
});

test('what is larger than the budget gets all of it, and a failure gives the bytes back', async () => {
  const budget = new ByteBudget(10);
  await expect(budget.hold(99, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await budget.hold(99, () => Promise.resolve('done'))).toBe('done');
});
