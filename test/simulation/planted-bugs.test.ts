/** Shows that the simulation can fail: each of the bugs in `planted-bugs/` is caught within a few seeds. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Library } from './library';
import { simulate, SimulationError } from './simulation';

const patches = join(__dirname, 'planted-bugs');
const root = join(__dirname, '../..');
const seedsMax = 150;

jest.setTimeout(300_000);

let copy: string;

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'afterbuild-planted-'));
  cpSync(join(root, 'lib'), join(copy, 'lib'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
});

afterEach(() => rmSync(copy, { recursive: true, force: true }));

/** Where the names of `Library` come from, below lib. */
const sources = [
  'kafka/client-port',
  'kafka/kafkajs/assigner',
  'kafka/kafkajs/client',
  'runtime/failures/failure-publisher',
  'runtime/member/runtime',
  'runtime/membership-guard',
  'runtime/subscription',
  'runtime/poison',
];

const load = (): Library =>
  Object.assign(
    {},
    ...sources.map((path): unknown => jest.requireActual(join(copy, 'lib', path))),
  ) as Library;

test.each(readdirSync(patches))('%s is caught', async (patch) => {
  execFileSync('git', ['apply', join(patches, patch)], { cwd: copy });
  const library = load();
  let caught: unknown = null;
  for (let seed = 1; seed <= seedsMax && caught === null; seed += 1) {
    caught = await simulate(seed, { library }).then(
      () => null,
      (error: unknown) => error,
    );
  }
  expect(caught).toBeInstanceOf(SimulationError);
});

test('the copy without a bug is fine', async () => {
  const library = load();
  for (let seed = 1; seed <= 20; seed += 1) await simulate(seed, { library });
});
