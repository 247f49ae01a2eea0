import type { Batch, KafkaMessage } from 'kafkajs';
import { convertBatch } from './fetched-batch';

const message = (over: Partial<KafkaMessage>): KafkaMessage =>
  ({
    key: Buffer.from('100:1'),
    value: Buffer.from('x'),
    timestamp: '5',
    offset: '7',
    attributes: 0,
    headers: {},
    ...over,
  }) as KafkaMessage;

function converted(over: Partial<KafkaMessage>) {
  const batch = {
    topic: 'things',
    partition: 1,
    fetchedOffset: '7',
    highWatermark: '8',
    messages: [message(over)],
    lastOffset: () => '7',
  } as unknown as Batch;
  return convertBatch(batch).records[0]!;
}

test('a record is read as text when it is asked for, and its bytes are those that came', () => {
  const headers = { one: Buffer.from('1'), many: [Buffer.from('a'), Buffer.from('b')] };
  const record = converted({ headers });
  expect(record).toMatchObject({ offset: 7, timestampMs: 5, keyText: '100:1', headers });
  expect(record.headerTexts).toEqual({ one: '1', many: 'b' });
  expect(record.sizeBytes).toBe('100:1'.length + 'x'.length + 'one1manyamanyb'.length);
  expect(converted({ key: null, value: null })).toMatchObject({ keyText: null, sizeBytes: 0 });
});

test('an offset beyond what a number can hold is refused', () => {
  expect(() => converted({ offset: '9007199254740993' })).toThrow(RangeError);
});

test('what is kept is no view of the response any more, and is the same byte for byte', () => {
  const bytes = [0, 0, 0, 0, 9, 0xff, 0xfe, 1, 2, 3];
  const response = Buffer.from(bytes);
  const [key, value] = [response.subarray(0, 7), response.subarray(7, 8)];
  const headers = { one: response.subarray(8, 9), many: [response.subarray(9)] };
  const record = converted({ key, value, headers });
  record.keep();
  response.fill(0);
  expect(record.key).toEqual(Buffer.from(bytes.slice(0, 7)));
  expect(record.value).toEqual(Buffer.from([1]));
  expect(record.headers).toEqual({ one: Buffer.from([2]), many: [Buffer.from([3])] });
});
