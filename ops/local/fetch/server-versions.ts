/**
 * Other versions of servers than the pinned ones, for `npm run matrix`: named in a variable, fetched by the same
 * recipes. `broker` is the Kafka of the brokers alone; `kafka` is that of brokers, Connect and tools.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parts, type PartName } from './versions';

export const serverVersionsVariable = 'AFTERBUILD_SERVER_VERSIONS';

/** Parts whose recipe is one pom with one version of its own. */
const replaceable = ['kafka', 'broker', 'connectPlugins', 'registry'] as const;
type ReplaceablePart = (typeof replaceable)[number];
export type ServerVersions = Readonly<Partial<Record<ReplaceablePart, string>>>;

const isReplaceable = (name: string): name is ReplaceablePart =>
  replaceable.some((part) => part === name);

/**
 * @param text for example `broker=3.9.2,registry=3.3.3`; empty or absent names none.
 * @throws Error that says which entry is not of that form.
 */
export function parseServerVersions(text: string | undefined): ServerVersions {
  const versions: Partial<Record<ReplaceablePart, string>> = {};
  for (const entry of (text ?? '').split(',').filter((one) => one !== '')) {
    const [name = '', version = '', ...more] = entry.split('=');
    if (!isReplaceable(name) || !/^\d[\w.-]*$/.test(version) || more.length > 0) {
      throw new Error(
        `${serverVersionsVariable}: "${entry}" is not <part>=<version>; parts are ${replaceable.join(', ')}.`,
      );
    }
    versions[name] = version;
  }
  return versions;
}

export const formatServerVersions = (versions: ServerVersions): string =>
  Object.entries(versions)
    .map(([part, version]) => `${part}=${version}`)
    .join(',');

/**
 * @returns a copy of the recipe's folder in which the part's pinned version is replaced.
 * @throws Error for a version whose archive needs a checksum of ours that is not on record.
 */
export function recipeWithVersion(recipe: string, part: PartName, version: string): string {
  const copy = join(mkdtempSync(join(tmpdir(), 'afterbuild-recipe-')), basename(recipe));
  cpSync(recipe, copy, { recursive: true });
  const pom = join(copy, part === 'connectPlugins' ? 'debezium/pom.xml' : 'pom.xml');
  const pinned = `<version>${parts[part].version}</version>`;
  writeFileSync(pom, readFileSync(pom, 'utf8').replaceAll(pinned, `<version>${version}</version>`));
  if (part === 'connectPlugins' && version !== parts[part].version) {
    useChecksumsOf(version, join(copy, 'debezium'));
  }
  return copy;
}

function useChecksumsOf(version: string, recipe: string): void {
  const file = `checksums-${version}.sha256`;
  if (!existsSync(join(recipe, file))) {
    throw new Error(
      `No checksum of Debezium ${version} is known: write it into ops/local/servers/connect-plugins/debezium/${file}, as sha256sum prints it.`,
    );
  }
  copyFileSync(join(recipe, file), join(recipe, 'checksums.sha256'));
}
