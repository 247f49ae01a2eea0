/** Each folder says what it is for, and none holds so many files that a reader cannot see its shape. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { projectRoot } from '../lib/process/root';

const sourceFilesMax = 25;
const roots = ['lib', 'producers', 'consumers', 'connect', 'cli', 'ops', 'bench', 'test'];

const isCode = (name: string): boolean => /\.(?:ts|mjs|cjs)$/.test(name);
const isTest = (name: string): boolean => name.endsWith('.test.ts');

interface Folder {
  /** Relative to the project's root. */
  readonly path: string;
  /** Names of its own files, tests included. */
  readonly code: readonly string[];
}

/** @returns the folder and all below it that hold code of their own. */
function foldersWithCode(path: string): Folder[] {
  const entries = readdirSync(path, { withFileTypes: true });
  const code = entries.filter((one) => one.isFile() && isCode(one.name)).map(({ name }) => name);
  const own = code.length > 0 ? [{ path: relative(projectRoot, path), code }] : [];
  const inner = entries.filter((one) => one.isDirectory() && one.name !== 'node_modules');
  return [...own, ...inner.flatMap(({ name }) => foldersWithCode(join(path, name)))];
}

/** A README of its own, or a row or sentence of the parent's README that names it as `name/`. */
function isExplained({ path }: Folder): boolean {
  const folder = join(projectRoot, path);
  if (existsSync(join(folder, 'README.md'))) return true;
  const parents = join(dirname(folder), 'README.md');
  return (
    dirname(path) !== '.' &&
    existsSync(parents) &&
    readFileSync(parents, 'utf8').includes(`\`${basename(path)}/`)
  );
}

const folders = roots.flatMap((root) => foldersWithCode(join(projectRoot, root)));

test('the folders are found', () => {
  const paths = folders.map(({ path }) => path);
  const known = ['lib/kafka/topics', 'test/scenarios/brake', 'ops/local/stack', 'bench'];
  expect(known.filter((path) => !paths.includes(path))).toEqual([]);
});

test('each folder with code has a README, or is named in the README of its parent', () => {
  expect(folders.filter((folder) => !isExplained(folder)).map(({ path }) => path)).toEqual([]);
});

test(`no folder holds more than ${sourceFilesMax} source files beside its tests`, () => {
  const counts = folders.map(({ path, code }) => ({
    path,
    files: code.filter((name) => !isTest(name)).length,
  }));
  expect(counts.filter(({ files }) => files > sourceFilesMax)).toEqual([]);
});
