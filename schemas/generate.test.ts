import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generatedTypes } from './generate';

function typesOf(schemas: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'generate-'));
  try {
    for (const [name, schema] of Object.entries(schemas)) {
      writeFileSync(join(folder, `${name}.avsc`), JSON.stringify(schema));
    }
    return generatedTypes(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const record = (name: string, fields: unknown[], doc?: string): unknown => ({
  type: 'record',
  name,
  fields,
  ...(doc === undefined ? {} : { doc }),
});

test('generated.ts is what the schemas give today', () => {
  expect(readFileSync(join(__dirname, 'generated.ts'), 'utf8')).toBe(generatedTypes(__dirname));
});

test('a record becomes a readonly interface with its docs', () => {
  const text = typesOf({
    a: record('Built', [{ name: 'id', type: 'long', doc: 'Of the build.' }], 'A build ended.'),
  });
  expect(text).toContain('/** A build ended. */\nexport interface Built {');
  expect(text).toContain('  /** Of the build. */\n  readonly id: number;');
});

test.each([
  ['string', 'string'],
  ['int', 'number'],
  ['double', 'number'],
  ['boolean', 'boolean'],
  ['bytes', 'Buffer'],
  [['null', 'string'], 'null | string'],
  [{ type: 'array', items: 'long' }, 'readonly number[]'],
  [{ type: 'enum', name: 'Kind', symbols: ['due', 'full'] }, `'due' | 'full'`],
  [{ type: 'long', logicalType: 'timestamp-millis' }, 'number'],
])('%j becomes %s', (type, expected) => {
  expect(typesOf({ a: record('R', [{ name: 'f', type }]) })).toContain(`readonly f: ${expected};`);
});

test('a record within a record becomes an interface of its own', () => {
  const inner = record('Inner', [{ name: 'x', type: 'int' }]);
  const text = typesOf({ a: record('Outer', [{ name: 'inner', type: ['null', inner] }]) });
  expect(text).toContain('readonly inner: null | Inner;');
  expect(text).toContain('export interface Inner {');
});

test('files are taken in the order of their names, so the text is always the same', () => {
  const text = typesOf({ b: record('Second', []), a: record('First', []) });
  expect(text.indexOf('First')).toBeLessThan(text.indexOf('Second'));
});

test('a record that two schemas define alike is written once', () => {
  const origin = record('Origin', [{ name: 'lsn', type: 'long' }], 'Where from.');
  const text = typesOf({
    a: record('First', [{ name: 'origin', type: origin }]),
    b: record('Second', [{ name: 'origin', type: origin }]),
  });
  expect(text.match(/export interface Origin /g)).toHaveLength(1);
  expect(text.match(/readonly origin: Origin;/g)).toHaveLength(2);
});

test.each([
  ['of another field', record('Origin', [{ name: 'lsn', type: 'string' }])],
  ['of another meaning', record('Origin', [{ name: 'lsn', type: 'long', doc: 'In pages.' }])],
])('a record that two schemas define differently is refused: %s', (_case, other) => {
  const schemas = { a: record('Origin', [{ name: 'lsn', type: 'long' }]), b: other };
  expect(() => typesOf(schemas)).toThrow(/different records Origin/);
});
