import { RoomError, checkRoom, explainFullDisk } from './room';

it('names the folder, what is free and what is needed', () => {
  expect(() => checkRoom('/data', 2, () => 300e6)).toThrow(
    new RoomError(
      '/data has 0.3 GB free, and about 2 GB are needed there: make room, or name a folder on another disk.',
    ),
  );
  expect(() => checkRoom('/data', 2, () => 2e9)).not.toThrow();
});

it('asks the nearest folder that there is', () => {
  expect(() => checkRoom('/no/such/folder', 1e9)).toThrow(/^\/no\/such\/folder has \d/);
});

it('explains a disk that is full, for any error that revealed it', () => {
  const thrown = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
  });
  const said = new Error('PostgreSQL ended. FATAL: could not write: No space left on device');
  for (const error of [thrown, said, new Error('x', { cause: thrown })]) {
    expect(explainFullDisk(error, '/data', () => 0)).toBe(
      'The disk of /data is full (0.0 GB free): about 1 GB are needed there. Make room and start again, or name a folder on another disk with --data.',
    );
  }
  expect(explainFullDisk(new Error('x'), '/data')).toBeUndefined();
});
