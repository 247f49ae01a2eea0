/** Finds the project's own folder, since code runs from `dist/` as well as from its sources. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

function findRoot(from: string): string {
  if (existsSync(join(from, 'package.json')) && existsSync(join(from, 'schemas'))) return from;
  const parent = dirname(from);
  if (parent === from) throw new Error('afterbuild: package.json not found above the running code');
  return findRoot(parent);
}

/** Absolute path of the checkout (or of the folder an image was built into). */
export const projectRoot = findRoot(__dirname);
