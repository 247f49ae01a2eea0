import { History } from './history';

const at = (atMs: number) => ({ atMs, values: { left: atMs } });

test('it holds one point for each ten seconds of the last hour', () => {
  const history = new History();
  const added = [0, 2_000, 9_999, 10_000, 20_500].map((ms) => history.add(at(ms)));
  expect(added).toEqual([true, false, false, true, true]);
  for (let ms = 30_500; ms < 7_200_000; ms += 2_000) history.add(at(ms));
  const { points } = history;
  expect(points.length).toBeLessThanOrEqual(360);
  expect(points.at(-1)!.atMs - points[0]!.atMs).toBeLessThan(3_600_000);
});
