import { aLetter, place } from '../../test/support/records/dead-letter-fixture';
import { describeRefused, planRedrive } from './redrive-plan';

const rules = { place, originPartitions: 12, redrivesMax: 3, force: false, limit: Infinity };
const origin = { topic: place.originTopic, partition: 3, offset: 10, timestampMs: 0 };

test('what can go back goes, in its order', () => {
  const letters = [aLetter({ offset: 1 }), aLetter({ offset: 2, redriveCount: 2 })];
  expect(planRedrive(letters, rules)).toEqual({ place, redrive: letters, refused: [] });
});

test.each([
  ['without an origin', { origin: null }, /do not say where/],
  [
    'from a topic of another group',
    { origin: { ...origin, topic: 'a.builds.finished' } },
    /a\.builds\.finished/,
  ],
  [
    'from another namespace',
    { origin: { ...origin, topic: 'artifacts.expired' } },
    /does not read here/,
  ],
  ['from a partition that is gone', { origin: { ...origin, partition: 12 } }, /has 12 partitions/],
])('what comes %s is refused, by force too', (_, over, because) => {
  const plan = planRedrive([aLetter(over)], { ...rules, force: true });
  expect(plan.redrive).toEqual([]);
  expect(plan.refused).toMatchObject([{ isLoop: false }]);
  expect(plan.refused[0]?.because).toMatch(because);
});

test('what came back too often is refused, unless it is forced', () => {
  const looping = aLetter({ redriveCount: 3 });
  expect(planRedrive([looping], rules)).toMatchObject({ redrive: [], refused: [{ isLoop: true }] });
  expect(planRedrive([looping], { ...rules, force: true }).redrive).toEqual([looping]);
  expect(planRedrive([looping], { ...rules, redrivesMax: 4 }).redrive).toEqual([looping]);
});

test('the limit counts what goes back: what is refused does not stand in its way', () => {
  const letters = [aLetter({ redriveCount: 9 }), aLetter({ offset: 1 }), aLetter({ offset: 2 })];
  const plan = planRedrive(letters, { ...rules, limit: 1 });
  expect(plan.redrive.map(({ offset }) => offset)).toEqual([1]);
  expect(plan.refused).toHaveLength(1);
});

test('refusals of one reason are one sentence', () => {
  const letters = [1, 2].map((offset) => aLetter({ offset, redriveCount: 3 }));
  const [line, ...more] = describeRefused(planRedrive(letters, rules).refused);
  expect(line).toMatch(/^2 not redriven: it came back after 3 redrives \(--force/);
  expect(more).toEqual([]);
});
