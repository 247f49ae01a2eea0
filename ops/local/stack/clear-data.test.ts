import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clearData, refuseForeignFolder } from './clear-data';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'data-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

it("removes the servers' data and leaves what it does not know, and the ports", () => {
  mkdirSync(join(dataDir, 'kafka'));
  writeFileSync(join(dataDir, 'ports.json'), '{}');
  writeFileSync(join(dataDir, 'thesis.txt'), 'years of work');
  clearData(dataDir);
  expect(existsSync(join(dataDir, 'kafka'))).toBe(false);
  expect(existsSync(join(dataDir, 'ports.json'))).toBe(true);
  expect(existsSync(join(dataDir, 'thesis.txt'))).toBe(true);
});

it('refuses a folder that holds something else', () => {
  refuseForeignFolder(join(dataDir, 'absent'));
  refuseForeignFolder(dataDir);
  writeFileSync(join(dataDir, 'thesis.txt'), 'years of work');
  expect(() => refuseForeignFolder(dataDir)).toThrow(/holds other files \(thesis\.txt\)/);
});
