import type { Control } from '../../schemas/generated';
import {
  definitionRecord,
  KnownReplays,
  replayGroup,
  replayKey,
  wishKey,
  wishRecord,
  type ReplayDefinition,
} from './record';

const definition: ReplayDefinition = {
  process: 'artifact-deleter',
  name: 'replay',
  topic: 'artifacts.expired',
  ranges: [
    [0, 3, 9],
    [1, 0, 0],
  ],
  key: null,
  rate: 20,
  liveLagMax: 1_000,
  absentRowsExpected: false,
};
const by = { author: 'anna', reason: 'S3 lost an hour', atMs: 5 };

test('what was begun is read back, and runs until an operator wants something else', () => {
  const known = new KnownReplays();
  known.learn(replayKey(definition), definitionRecord(definition, by));
  expect(known.get(definition)).toEqual({ ...by, definition, wish: { ...by, is: 'run' } });
  const paused = { author: 'ben', reason: 'lunch', atMs: 6 };
  known.learn(wishKey(definition), wishRecord(definition, 'pause', paused));
  expect(known.all().map(({ wish }) => wish)).toEqual([{ ...paused, is: 'pause' }]);
  known.learn(replayKey(definition), null);
  known.learn(wishKey(definition), null);
  expect(known.all()).toEqual([]);
});

test('the group of a replay is never the live one, nor that of another replay', () => {
  expect(replayGroup(definition)).toBe('artifact-deleter.replay');
  expect(replayGroup({ ...definition, name: 'tuesday' })).toBe('artifact-deleter.replay.tuesday');
});

test.each<[string, string, Partial<Control> | null]>([
  ['a flag', 'flag/artifact-deleter/pause', {}],
  ['a process that does not exist', 'replay/nobody/replay', {}],
  ['another kind under the key', 'replay/artifact-deleter/replay', { kind: 'flag' }],
  [
    'text that is no range',
    'replay/artifact-deleter/replay',
    { flag: { process: 'x', name: 'y', value: '{"topic":1}', expiresAtMs: null } },
  ],
])('%s is no replay', (_, key, change) => {
  const known = new KnownReplays();
  known.learn(key, { ...definitionRecord(definition, by), ...change });
  expect(known.all()).toEqual([]);
});
