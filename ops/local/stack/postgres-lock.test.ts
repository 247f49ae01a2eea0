import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attachedProcesses, clearStaleLock, parsePostmasterFile } from './postgres-lock';

const file = (pid: number): string =>
  `${pid}\n/data\n1763930000\n5432\n\n127.0.0.1\n  26214401        42\nready   \n`;

const table = `       key      shmid perms                  size  cpid  lpid nattch   uid
         0         41   600                  4096     1     1      9   101
  26214401         42   600                    56  2171  2171      3   101
`;

it('reads who owns a data folder, and its shared memory', () => {
  expect(parsePostmasterFile(file(2_171))).toEqual({ pid: 2_171, sharedMemoryId: '42' });
  expect(parsePostmasterFile('2171\n/data\n')).toEqual({ pid: 2_171, sharedMemoryId: undefined });
});

it('counts who still uses the shared memory', () => {
  expect(attachedProcesses(table, '42')).toBe(3);
  expect(attachedProcesses(table, '43')).toBe(0);
});

describe('the lock file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('goes when its pid belongs to a stranger', async () => {
    // This test is no PostgreSQL.
    writeFileSync(join(folder, 'postmaster.pid'), `${process.pid}\n`);
    await clearStaleLock(folder);
    expect(existsSync(join(folder, 'postmaster.pid'))).toBe(process.platform !== 'linux');
  });

  it('need not be there', async () => {
    await expect(clearStaleLock(folder)).resolves.toBeUndefined();
  });
});
