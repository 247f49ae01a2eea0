import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Schema, Type } from 'avsc';
import { flag, HandClock } from '../../test/support/records/control';
import type { Control } from '../../schemas/generated';
import { UndecodableRecordError } from '../runtime/poison';
import { RegistryUnavailableError, type Registry } from './registry';
import type { RecordSchema } from './schema-file';
import { createStateCodec, noSchemaId, schemaHeader } from './state-codec';

const { value } = flag('artifact-deleter', 'pause', 'true');

const away = (): Promise<never> => Promise.reject(new RegistryUnavailableError('down'));
const down: Registry = { register: away, writerType: away, knownType: () => undefined };
const silent: Registry = { ...down, register: () => new Promise(() => undefined) };
const up: Registry = { ...down, register: () => Promise.resolve(41) };

const codecOn = (registry: Registry, clock = new HandClock()) =>
  createStateCodec<Control>({
    ...{ registry, clock },
    subject: 'afterbuild.control-value',
    name: 'afterbuild.control',
  });
const idOf = (bytes: Buffer): number => bytes.readInt32BE(1);

/** A record of a version before the header existed, with a released schema. */
function ofVersion1(): { readonly bytes: Buffer; readonly schema: RecordSchema } {
  const file = join(__dirname, '../../schemas/released/afterbuild.control.v1.avsc');
  const schema = JSON.parse(readFileSync(file, 'utf8')) as RecordSchema;
  const type = Type.forSchema(schema as unknown as Schema);
  const head = Buffer.from([0, 0, 0, 0, 7]);
  const old = {
    kind: 'accept-database',
    author: 'a',
    reason: 'r',
    atMs: 1,
    acceptedDatabase: null,
  };
  return { bytes: Buffer.concat([head, type.toBuffer(old)]), schema };
}

test('a decision is written and read without the registry', async () => {
  const { value: bytes, headers } = await codecOn(down).encode(value);
  expect(idOf(bytes)).toBe(noSchemaId);
  expect(codecOn(down).decode(bytes, headers)).toEqual(value);
});

test('a registry that never answers is waited for two seconds, and not again for half a minute', async () => {
  const clock = new HandClock();
  const codec = codecOn(silent, clock);
  await codec.encode(value);
  const waitedMs = clock.ms - 1_000;
  await codec.encode(value);
  expect([waitedMs, clock.ms - 1_000]).toEqual([2_000, 2_000]);
});

test('a registry that answers gives the id that other tools read by', async () => {
  const { value: bytes } = await codecOn(up).encode(value);
  expect(idOf(bytes)).toBe(41);
});

test('the id of a record that is there is as good as the answer of the registry', async () => {
  const { value: bytes, headers } = await codecOn(up).encode(value);
  const codec = codecOn(down);
  await codec.decode(bytes, headers);
  expect(idOf((await codec.encode(value)).value)).toBe(41);
});

test('what the name of a released schema says is read in the shape of today', () => {
  const { bytes, schema } = ofVersion1();
  const name = Type.forSchema(schema as unknown as Schema)
    .fingerprint('sha256')
    .toString('hex');
  const read = codecOn(down).decode(bytes, { [schemaHeader]: name.slice(0, 32) });
  expect(read).toMatchObject({ kind: 'accept-database', flag: null, breaker: null });
});

test('a record of a version without the header, or of a newer one, is the registry’s to explain', async () => {
  const { bytes, schema } = ofVersion1();
  const knows = {
    ...down,
    writerType: () => Promise.resolve(Type.forSchema(schema as unknown as Schema)),
  };
  await expect(codecOn(knows).decode(bytes, {})).resolves.toMatchObject({ author: 'a' });
  await expect(codecOn(down).decode(bytes, {})).rejects.toThrow(RegistryUnavailableError);
  const newer = { [schemaHeader]: 'f'.repeat(32) };
  await expect(codecOn(down).decode(bytes, newer)).rejects.toThrow(RegistryUnavailableError);
});

test('bytes that are not what their header says can never be read', async () => {
  const { value: bytes, headers } = await codecOn(up).encode(value);
  expect(() => codecOn(down).decode(bytes.subarray(0, 12), headers)).toThrow(
    UndecodableRecordError,
  );
});
