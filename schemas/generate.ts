/** Writes `generated.ts`, the readonly types of every `.avsc`; with `--check` it only compares. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../lib/process/root';

type Avro = string | readonly Avro[] | AvroNamed | { type: Avro; logicalType?: string };
interface AvroNamed {
  readonly type: 'record' | 'array' | 'enum';
  readonly name?: string;
  readonly doc?: string;
  readonly fields?: readonly { name: string; type: Avro; doc?: string }[];
  readonly items?: Avro;
  readonly symbols?: readonly string[];
}

const primitives: Readonly<Record<string, string>> = {
  null: 'null',
  boolean: 'boolean',
  int: 'number',
  long: 'number',
  float: 'number',
  double: 'number',
  string: 'string',
  bytes: 'Buffer',
};

const comment = (doc: string | undefined, indent: string): string =>
  doc === undefined ? '' : `${indent}/** ${doc} */\n`;

/** The TypeScript type of an Avro type; named types found on the way are appended to `declarations`. */
function typeOf(avro: Avro, declarations: Map<string, string>): string {
  if (typeof avro === 'string') return primitives[avro] ?? avro;
  if (Array.isArray(avro)) {
    return (avro as readonly Avro[]).map((branch) => typeOf(branch, declarations)).join(' | ');
  }
  const named = avro as AvroNamed;
  if (named.type === 'array') return `readonly ${typeOf(named.items ?? 'null', declarations)}[]`;
  if (named.type === 'enum')
    return (named.symbols ?? []).map((symbol) => `'${symbol}'`).join(' | ');
  if (named.fields === undefined) return typeOf((avro as { type: Avro }).type, declarations);
  return recordOf(named, declarations);
}

/**
 * The types have one namespace where Avro has one a topic, so records of one name must be alike.
 * @throws Error for two different records of one name.
 */
function recordOf(record: AvroNamed, declarations: Map<string, string>): string {
  const name = record.name ?? 'Anonymous';
  const earlier = declarations.get(name);
  // Takes its place before the records within it.
  if (earlier === undefined) declarations.set(name, '');
  const fields = (record.fields ?? []).map(
    (field) =>
      `${comment(field.doc, '  ')}  readonly ${field.name}: ${typeOf(field.type, declarations)};`,
  );
  const text = `${comment(record.doc, '')}export interface ${name} {\n${fields.join('\n')}\n}`;
  if (earlier !== undefined && earlier !== text) {
    throw new Error(`Two schemas define different records ${name}: make them equal or rename one.`);
  }
  declarations.set(name, text);
  return name;
}

/** The whole text of `generated.ts` for the schemas in a folder. */
export function generatedTypes(folder: string): string {
  const declarations = new Map<string, string>();
  const files = readdirSync(folder).filter((file) => file.endsWith('.avsc'));
  for (const file of files.sort()) {
    typeOf(JSON.parse(readFileSync(join(folder, file), 'utf8')) as Avro, declarations);
  }
  const head = '// Generated from the .avsc files by schemas/generate.ts. Do not edit.';
  return `${[head, ...declarations.values()].join('\n\n')}\n`;
}

function main(args: readonly string[]): number {
  const folder = join(projectRoot, 'schemas');
  const target = join(folder, 'generated.ts');
  const text = generatedTypes(folder);
  if (!args.includes('--check')) {
    writeFileSync(target, text);
    return 0;
  }
  if (readFileSync(target, 'utf8') === text) return 0;
  process.stderr.write('schemas/generated.ts is out of date: run npm run schemas:generate\n');
  return 1;
}

if (require.main === module) process.exitCode = main(process.argv.slice(2));
