import { Type, type Schema } from 'avsc';
import { loadSchema } from '../../lib/avro/schema-file';
import { origin } from '../../test/support/records/expired-artifacts';
import { laterProgress, progressOf, stateAtStart, stateOf } from './progress';

const state = {
  pass: 3,
  cursor: { partitionId: 100, buildId: 40 },
  complete: false,
  begunAtMs: 1_000,
};
const progress = progressOf(5, state, origin, 2_000);

test('a cursor that was written is the state that is gone on from', () => {
  const type = Type.forSchema(loadSchema('afterbuild.stale-progress') as unknown as Schema);
  expect(type.isValid(progress)).toBe(true);
  expect(stateOf(progress)).toEqual({
    ...state,
    met: { origin, timestampMs: 2_000, by: 'The cursor stale/5 on afterbuild.stale-progress' },
  });
});

test('without a cursor the first pass is due at once', () => {
  expect(stateOf(undefined)).toBe(stateAtStart);
  expect(stateAtStart).toMatchObject({ pass: 0, complete: true, met: null });
});

const further = { ...progress, buildId: 50 };

test.each([
  ['the only one', undefined, progress, progress],
  ['a further cursor', progress, further, further],
  ['a further cursor, although written before', further, progress, further],
  ['a later pass', further, { ...progress, pass: 4 }, { ...progress, pass: 4 }],
  ['a complete pass', { ...progress, complete: true }, progress, { ...progress, complete: true }],
  [
    'a later one of another history',
    further,
    { ...progress, origin: { ...origin, timeline: 2 } },
    { ...progress, origin: { ...origin, timeline: 2 } },
  ],
])('of two cursors stands %s', (_name, earlier, later, expected) => {
  expect(laterProgress(earlier, later)).toEqual(expected);
});
