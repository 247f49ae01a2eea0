import { flag } from '../test/support/records/control';
import { changeOf, describeChange } from './flags-log';

const { key, value } = flag('artifact-deleter', 'pause', 'true', 7_200_000);
const said = (other: object) =>
  changeOf({ key, value: null, headers: {}, atMs: 0, ...other }).map(describeChange);

test('who set a flag, who took it back, and why', () => {
  expect(said({ value })).toEqual([
    '1970-01-01T00:00:00.000Z  artifact-deleter: pause true set by anna, for 2h00m: maintenance',
  ]);
  expect(said({ headers: { author: 'mona', reason: 'over' } })).toEqual([
    '1970-01-01T00:00:00.000Z  artifact-deleter: pause taken back by mona: over',
  ]);
  expect(said({})).toEqual([
    '1970-01-01T00:00:00.000Z  artifact-deleter: pause taken back by an unnamed author',
  ]);
});

test('what is no flag is left out', () => {
  expect(said({ key: 'breaker/s3/x', value })).toEqual([]);
});
