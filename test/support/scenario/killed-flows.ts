/** Which scenario kills a process at each step of which flow; a step's flow is its name's first part. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';

const scenarios: Readonly<Record<string, readonly string[]>> = {
  'a-process-killed-at-any-step-loses-nothing': ['sweep', 'change', 'deleter'],
  'a-killed-producer-of-finished-builds-skips-none': ['finished', 'stale'],
  'a-killed-archiver-loses-no-byte': ['archiver'],
  'a-killed-redis-guard-loses-no-byte': ['guard'],
};

const folder = join(__dirname, '../../scenarios/crashes');

/** @throws Error when a scenario of the list does not exist. */
export function allFlows(): string[] {
  const missing = Object.keys(scenarios).filter(
    (name) => !existsSync(join(folder, `${name}.test.ts`)),
  );
  if (missing.length > 0) throw new Error(`No such scenario: ${missing.join(', ')}`);
  return Object.values(scenarios).flat().sort();
}

/** @param file `__filename` of the scenario, which must kill at every step of these. */
export const flowsKilledIn = (file: string): string[] =>
  [...(scenarios[basename(file, '.test.ts')] ?? [])].sort();
