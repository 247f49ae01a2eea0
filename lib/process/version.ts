/** The version of the running code, from package.json. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './root';

const { version: packaged } = JSON.parse(
  readFileSync(join(projectRoot, 'package.json'), 'utf8'),
) as { readonly version: string };

export const version = packaged;
