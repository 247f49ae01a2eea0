import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type, type Schema } from 'avsc';

const currentNames = readdirSync(__dirname)
  .filter((file) => file.endsWith('.avsc'))
  .map((file) => file.replace(/\.avsc$/, ''));

const releasedDir = join(__dirname, 'released');
/** File `<topic>.v<version>.avsc`. */
const released = readdirSync(releasedDir).map((file) => {
  const [, name, version] = /^(.+)\.v(\d+)\.avsc$/.exec(file) ?? [];
  return { file, name: name ?? '', version: Number(version) };
});

const load = (path: string): Schema => JSON.parse(readFileSync(path, 'utf8')) as Schema;
const current = (name: string): Schema => load(join(__dirname, `${name}.avsc`));

/** @throws when the reader cannot read what the writer has written. */
const assertReads = (reader: Schema, writer: Schema): void => {
  Type.forSchema(reader).createResolver(Type.forSchema(writer));
};

interface Field {
  readonly name: string;
  readonly type: unknown;
}
const withFields = (name: string, change: (fields: Field[]) => Field[]): Schema => {
  const schema = current(name) as unknown as { fields: Field[] };
  return { ...schema, fields: change(schema.fields) } as unknown as Schema;
};

test('every released file is named <topic>.v<version>.avsc and its topic still exists', () => {
  for (const { file, name, version } of released) {
    expect([file, currentNames.includes(name), version > 0]).toEqual([file, true, true]);
  }
});

test.each(currentNames)('%s has a released baseline', (name) => {
  expect(released.map((version) => version.name)).toContain(name);
});

test.each(released)('$file can be read by the current schema', ({ file, name }) => {
  expect(() => assertReads(current(name), load(join(releasedDir, file)))).not.toThrow();
});

test.each(released)(
  'a value written with $file comes out in the current shape',
  ({ file, name }) => {
    const writer = Type.forSchema(load(join(releasedDir, file)));
    const reader = Type.forSchema(current(name));
    const bytes = writer.toBuffer(writer.random());
    expect(reader.isValid(reader.fromBuffer(bytes, reader.createResolver(writer)))).toBe(true);
  },
);

describe.each(released)('against $file a change is refused', ({ file, name }) => {
  const before = load(join(releasedDir, file));

  it('when it adds a field without a default', () => {
    const changed = withFields(name, (fields) => [...fields, { name: 'added', type: 'string' }]);
    expect(() => assertReads(changed, before)).toThrow(/added/);
  });

  it('when it gives a field another type', () => {
    const changed = withFields(name, ([first, ...rest]) => [
      { name: first!.name, type: { type: 'map', values: 'bytes' } },
      ...rest,
    ]);
    expect(() => assertReads(changed, before)).toThrow();
  });

  it('but not when it adds a field with a default', () => {
    const added = { name: 'added', type: ['null', 'string'], default: null };
    const changed = withFields(name, (fields) => [...fields, added]);
    expect(() => assertReads(changed, before)).not.toThrow();
  });
});
