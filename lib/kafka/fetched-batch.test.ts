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

test('a record whose key and headers are text keeps no second copy of them', () => {
  expect(converted({})).toMatchObject({ key: '100:1', raw: null, offset: 7, sizeBytes: 6 });
  expect(converted({ key: null })).toMatchObject({ key: null, raw: null });
});

test('a key that is no UTF-8, and headers, are kept byte for byte', () => {
  const key = Buffer.from([0, 0, 0, 0, 9, 0xff, 0xfe]);
  expect(converted({ key }).raw).toEqual({ key, headers: {} });
  const headers = { one: Buffer.from([0xff]), many: [Buffer.from('a'), Buffer.from('b')] };
  expect(converted({ headers }).raw).toEqual({ key: Buffer.from('100:1'), headers });
});

test('nothing that is kept is a view of the response', () => {
  const response = Buffer.from('....value....');
  const { value } = converted({ value: response.subarray(4, 9) });
  response.fill(0);
  expect(value?.toString()).toBe('value');
});
