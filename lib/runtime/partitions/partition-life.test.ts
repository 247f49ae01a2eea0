import fc from 'fast-check';
import { OffsetTracker } from './offset-tracker';
import { drained, kept, loaded, loading, type PartitionLife } from './partition-life';

const tracker = new OffsetTracker(7);
const opened = loaded(loading, tracker);
const halted: PartitionLife = { kind: 'halted', tracker: null, by: new Error('no such offset') };
const lost: PartitionLife = { kind: 'lost', tracker };

test('a partition whose position becomes known is open', () => {
  expect(opened).toEqual({ kind: 'open', tracker });
});

test('one whose position becomes known during a drain is drained with the others, and open when it is kept', () => {
  const late = loaded(drained(loading), tracker);
  expect(late).toEqual({ kind: 'draining', tracker });
  expect(kept(late)).toEqual(opened);
  expect(loaded(kept(drained(loading)), tracker)).toEqual(opened);
});

test('no rejoin brings back a partition that is halted or lost', () => {
  for (const life of [halted, lost]) expect(kept(drained(life))).toBe(life);
});

test('however many rejoins there are, the tracker stays, and only a partition that is kept is open', () => {
  const rejoins = fc.array(fc.constantFrom(drained, kept));
  const property = fc.property(rejoins, fc.constantFrom(loading, opened), (steps, start) => {
    const life = steps.reduce((now, step) => step(now), start);
    expect(life.tracker).toBe(start.tracker);
    const isDrained = steps.at(-1) === drained;
    expect(life.kind === 'open').toBe(start === opened && !isDrained);
  });
  fc.assert(property);
});
