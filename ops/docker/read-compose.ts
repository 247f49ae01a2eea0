/**
 * Reads the parts of docker-compose.yml that the test compares: services with their settings, anchors merged. It is no
 * YAML parser: it relies on prettier's indentation.
 */

interface ComposeService {
  readonly image: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly command: readonly string[];
  readonly ports: readonly string[];
  readonly hasHealthCheck: boolean;
  /** The service's own lines, without merged ones. */
  readonly text: string;
}

/** The deeper lines under `<indent><name>:` (with the text behind the colon), or undefined. */
function blockOf(text: string, name: string, indent: string): string | undefined {
  const head = new RegExp(`^${indent}${name}:(.*)\\n((?:${indent} +.*\\n|\\s*\\n)*)`, 'm');
  const match = head.exec(text);
  return match === null ? undefined : `${match[1]?.trim() ?? ''}\n${match[2] ?? ''}`;
}

const unquoted = (text: string): string => text.trim().replace(/^'(.*)'$/, '$1');

function listOf(block: string | undefined): string[] {
  if (block === undefined) return [];
  const inline = /^\[(.*)\]\n/.exec(block)?.[1];
  if (inline !== undefined) return inline.split(',').map(unquoted);
  return [...block.matchAll(/^ +- (.*)$/gm)].map(([, item = '']) => unquoted(item));
}

/** `KEY: value` lines, after those of the anchors that `<<` names. */
function mapOf(file: string, block: string): Record<string, string> {
  const merged = [...block.matchAll(/\*(\w+)/g)].map(([, anchor = '']) =>
    mapOf(file, blockOf(file, `x-${anchor}`, '') ?? ''),
  );
  const own = [...block.matchAll(/^ +([A-Z][A-Z0-9_]*): (.*)$/gm)];
  const entries = own.map(([, key = '', value = '']) => [key, unquoted(value)] as const);
  return Object.assign({}, ...merged, Object.fromEntries(entries)) as Record<string, string>;
}

/** @param file the whole text. @returns every service by its name. */
export function readCompose(file: string): Map<string, ComposeService> {
  const services = blockOf(file, 'services', '') ?? '';
  const names = [...services.matchAll(/^ {2}([a-z-]+):$/gm)].map(([, name = '']) => name);
  return new Map(names.map((name) => [name, serviceOf(file, services, name)]));
}

function serviceOf(file: string, services: string, name: string): ComposeService {
  const text = blockOf(services, name, '  ') ?? '';
  const shared = text.includes('<<: *process') ? (blockOf(file, 'x-process', '') ?? '') : '';
  const part = (key: string) => blockOf(text, key, '    ');
  const image = /^ +image: (.*)$/m.exec(text + shared)?.[1];
  return {
    image,
    environment: mapOf(file, part('environment') ?? ''),
    secrets: listOf(part('secrets')),
    command: listOf(part('command')),
    ports: listOf(part('ports')),
    hasHealthCheck: part('healthcheck') !== undefined,
    text,
  };
}

/** The names of the secrets that the file defines, with the path of each. */
export function readSecrets(file: string): Map<string, string> {
  const block = blockOf(file, 'secrets', '') ?? '';
  const lines = [...block.matchAll(/^ {2}([a-z0-9.-]+): \{ file: (.*) \}$/gm)];
  return new Map(lines.map(([, name = '', path = '']) => [name, path]));
}
