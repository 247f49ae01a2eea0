import { shownRecord, type ReadParts } from './shown-record';

const nothing: ReadParts = { key: null, keySchema: null, value: null, valueSchema: null };
const record = {
  offset: 7,
  timestampMs: 1_000,
  key: Buffer.from('100:17'),
  value: Buffer.from('0123456789'),
  headers: { traceparent: '00-a', Authorization: 'Bearer x', 'x-api-key': Buffer.from('x') },
};
const shown = (parts: Partial<ReadParts> = {}, values = false, other: object = {}) =>
  shownRecord(2, { ...record, ...other }, { ...nothing, ...parts }, values);

test('key, headers and sizes are shown, a secret header by its name alone', () => {
  expect(shown()).toMatchObject({
    ...{ partition: 2, offset: 7, key: '100:17', valueBytes: 10, value: null, damages: [] },
    headers: [
      { name: 'traceparent', text: '00-a' },
      { name: 'Authorization', text: '[redacted]' },
      { name: 'x-api-key', text: '[redacted]' },
    ],
  });
});

test('a value is shown only where values may be shown, without bytes, and cut', () => {
  const content = { id: 2n ** 60n, raw: Buffer.from('secret'), text: '<b>x</b>' };
  const value = { content };
  expect(shown({ value }).value).toBeNull();
  expect(shown({ value }, true).value).toBe(
    '{"id":"1152921504606846976","raw":"<6 bytes>","text":"<b>x</b>"}',
  );
  const long = shown({ value: { content: 'a'.repeat(1_000_000) } }, true).value;
  expect(long!.length).toBeLessThan(5_000);
  expect(long).toMatch(/\(1000002 characters\)$/);
});

test('what cannot be read says why, and spoils nothing else', () => {
  const damaged = shown({ value: { damage: 'not in the wire format' } }, true);
  expect(damaged).toMatchObject({
    key: '100:17',
    value: null,
    damages: ['value: not in the wire format'],
  });
});

test('a key that is no text is shown in hexadecimal, and none as none', () => {
  expect(shown({}, false, { key: Buffer.from([200, 1]) }).key).toBe('0xc801');
  expect(shown({}, false, { key: null }).key).toBeNull();
  expect(shown({}, false, { value: null }).valueBytes).toBeNull();
});

test('many and long headers are cut', () => {
  const headers = Object.fromEntries(
    Array.from({ length: 100 }, (_, at) => [`h${at}`, 'x'.repeat(10_000)]),
  );
  const { headers: some } = shown({}, false, { headers });
  expect(some).toHaveLength(41);
  expect(some.at(-1)).toEqual({ name: '…', text: '60 more' });
  expect(JSON.stringify(some).length).toBeLessThan(30_000);
});
