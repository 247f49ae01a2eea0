import { createRequire } from 'node:module';
import { headersMax, unreadHeaders } from '../header-text';
import { unreadHeadersOf } from '../../runtime/lanes/micro-batch';
import { boundHeaders } from './bounded-headers';
import { FetchedRecord, type RawHeaders } from '../fetched-record';

interface Sent {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly headers: Record<string, string>;
}

const load = createRequire(__filename);
const encode = load('kafkajs/src/protocol/recordBatch/record/v0') as (record: Sent) => {
  buffer: Buffer;
};
const decode = load('kafkajs/src/protocol/recordBatch/record/v0/decoder') as (
  decoder: unknown,
  batch: { firstOffset: string; firstTimestamp: string },
) => Sent & { headers: RawHeaders };
const Decoder = load('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => {
  readVarIntBytes(): Buffer;
};

function passed(count: number) {
  boundHeaders();
  boundHeaders();
  const headers = Object.fromEntries(Array.from({ length: count }, (_, at) => [`h${at}`, 'x']));
  const sent = { key: Buffer.from('k'), value: Buffer.from('v'), headers };
  const bytes = new Decoder(encode(sent).buffer).readVarIntBytes();
  const read = decode(new Decoder(bytes), { firstOffset: '0', firstTimestamp: '0' });
  return { read, record: new FetchedRecord({ ...read, offset: 0, timestampMs: 0 }) };
}

test.each([0, 1, headersMax])('%i headers are read as they came', (count) => {
  const { read, record } = passed(count);
  expect(Object.keys(read.headers)).toHaveLength(count);
  expect(unreadHeadersOf(record)).toBeUndefined();
});

test('of one more none is read, and key and value are', () => {
  const { read, record } = passed(headersMax + 1);
  expect(record.headerTexts).toEqual({ [unreadHeaders]: '1001' });
  expect([read.key.toString(), read.value.toString()]).toEqual(['k', 'v']);
  expect(unreadHeadersOf(record)).toMatchObject({ poison: 'too-many-headers' });
});
