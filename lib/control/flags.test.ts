import { flag } from '../../test/support/records/control';
import { Flags, withoutFlags } from './flags';

const learned = (...decided: ReturnType<typeof flag>[]): Flags => {
  const flags = new Flags();
  for (const { key, value } of decided) expect(flags.put(value, key)).toBeNull();
  return flags;
};
const tombstone = (flags: Flags, of: ReturnType<typeof flag>) => flags.put(null, of.key);

test('without a flag everything is as the settings say', () => {
  expect(new Flags().effective('artifact-deleter', 0)).toEqual(withoutFlags);
});

test('every flag of a process takes effect there, and nowhere else', () => {
  const flags = learned(
    flag('artifact-deleter', 'pause', 'true'),
    flag('artifact-deleter', 'rate', '50'),
    flag('artifact-deleter', 'concurrency', '2'),
    flag('artifact-deleter', 'dry-run', 'true'),
    flag('expired-artifacts', 'loop-limit', '50000'),
  );
  expect(flags.effective('artifact-deleter', 0)).toEqual({
    paused: true,
    recordsPerSecond: 50,
    concurrency: 2,
    loopLimit: null,
    dryRun: true,
    redisGuard: 'off',
  });
  expect(flags.effective('expired-artifacts', 0)).toEqual({ ...withoutFlags, loopLimit: 50_000 });
  expect(flags.effective('trace-archiver', 0)).toEqual(withoutFlags);
});

test('a number of one process stands before that of all, and a stop of all holds for everyone', () => {
  const flags = learned(
    flag('all', 'rate', '100'),
    flag('artifact-deleter', 'rate', '7'),
    flag('all', 'pause', 'true'),
  );
  expect(flags.effective('artifact-deleter', 0)).toMatchObject({
    recordsPerSecond: 7,
    paused: true,
  });
  expect(flags.effective('trace-archiver', 0)).toMatchObject({
    recordsPerSecond: 100,
    paused: true,
  });
});

test('a flag holds up to its expiry, and what it covered shows again', () => {
  const flags = learned(flag('all', 'rate', '100'), flag('artifact-deleter', 'rate', '7', 5_000));
  expect(flags.effective('artifact-deleter', 4_999).recordsPerSecond).toBe(7);
  expect(flags.effective('artifact-deleter', 5_000).recordsPerSecond).toBe(100);
  expect(flags.of('artifact-deleter', 5_000).map(({ process }) => process)).toEqual(['all']);
});

test('a tombstone takes a flag back, a later value replaces it', () => {
  const pause = flag('artifact-deleter', 'pause', 'true');
  const flags = learned(pause, flag('all', 'rate', '1'), flag('all', 'rate', '2'));
  tombstone(flags, pause);
  expect(flags.effective('artifact-deleter', 0)).toEqual({ ...withoutFlags, recordsPerSecond: 2 });
});

test.each<[string, ReturnType<typeof flag>, RegExp]>([
  ['an unknown name', flag('all', 'colour', 'red'), /no flag colour/],
  ['an unknown process', flag('janitor', 'pause', 'true'), /no process janitor/],
  ['a value that it does not take', flag('all', 'pause', 'false'), /pause must be true/],
  ['a number beyond its bounds', flag('all', 'concurrency', '65'), /from 1 to 64, not 65/],
  ['a process that has no such flag', flag('all', 'dry-run', 'true'), /artifact-deleter only/],
])('%s is ignored, and logged', (_, { key, value }, reason) => {
  const flags = new Flags();
  expect(flags.put(value, key)).toMatch(reason);
  expect(flags.inForce(0)).toEqual([]);
});

test('a decision that contradicts its key, or carries no flag, is ignored, and logged', () => {
  const flags = new Flags();
  const { value } = flag('artifact-deleter', 'pause', 'true');
  expect(flags.put(value, 'flag/all/pause')).toMatch(/carries the flag pause of artifact-deleter/);
  expect(flags.put({ ...value, flag: null }, 'flag/all/pause')).toMatch(/carries no flag/);
});

test('what replaces a flag without being understood does not leave the old one in force', () => {
  const flags = learned(flag('all', 'rate', '5'));
  const { key, value } = flag('all', 'rate', 'fast');
  expect(flags.put(value, key)).toMatch(/rate must be/);
  expect(flags.inForce(0)).toEqual([]);
});

test('decisions of other kinds are not for the flags', () => {
  const flags = new Flags();
  const { value } = flag('all', 'pause', 'true');
  expect(flags.put(value, 'accept-database/gitlab')).toBeNull();
  expect(flags.put(value, null)).toBeNull();
  expect(flags.inForce(0)).toEqual([]);
});
