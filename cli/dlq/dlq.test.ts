import { describeTopic, endingOf } from './list';
import { moment, positive, wholeNumber } from './options';
import { ownHeaders, showValue } from './show';

const nowMs = Date.parse('2026-05-02T00:00:00Z');

test.each([
  ['90s', '2026-05-01T23:58:30Z'],
  ['30m', '2026-05-01T23:30:00Z'],
  ['6h', '2026-05-01T18:00:00Z'],
  ['7d', '2026-04-25T00:00:00Z'],
  ['2026-05-01T12:00:00+02:00', '2026-05-01T10:00:00Z'],
  ['2026-05-01', '2026-05-01T00:00:00Z'],
])('%s is %s', (text, expected) => {
  expect(moment(text, undefined, nowMs)).toBe(Date.parse(expected));
});

test.each(['', '5', 'yesterday', '1w', '2026-13-01', 'May 1'])('%j is no moment', (text) => {
  expect(() => moment(text, undefined, nowMs)).toThrow(/must be like/);
});

test('counts are whole, and a limit is above 0', () => {
  expect([wholeNumber('0'), positive('12')]).toEqual([0, 12]);
  for (const text of ['-1', '1.5', 'x', '']) expect(() => wholeNumber(text)).toThrow(/whole/);
  expect(() => positive('0')).toThrow(/above 0/);
});

test('a header that names a secret is not shown, and those of failures are not the record’s own', () => {
  const headers = {
    traceparent: '00-a',
    Authorization: 'Bearer x',
    'x-api-key': 'x',
    'afterbuild-group': 'g',
    'kafka_dlt-exception-message': 'm',
    'x-original-topic': 't',
    'x-original-author': 'mona',
  };
  expect(ownHeaders(headers)).toEqual({
    traceparent: '00-a',
    Authorization: '[redacted]',
    'x-api-key': '[redacted]',
    'x-original-author': 'mona',
  });
});

describe('a value', () => {
  const refuse = () => {
    throw new Error('no schema');
  };

  it('is shown decoded, but for bytes within it', async () => {
    const decode = () => Promise.resolve({ id: 1, raw: [Buffer.from('secret')], none: null });
    expect(await showValue(Buffer.from('x'), decode, true)).toEqual({
      decoded: { id: 1, raw: ['<6 bytes>'], none: null },
    });
  });

  it('that cannot be decoded is shown in hexadecimal only when asked', async () => {
    const value = Buffer.alloc(100, 1);
    expect(await showValue(value, refuse, false)).toEqual({ undecoded: 'no schema' });
    const { hex } = await showValue(value, refuse, true);
    expect(hex).toBe('01'.repeat(64));
  });

  it('may be missing', async () => {
    expect((await showValue(null, refuse, true)).undecoded).toMatch(/none/);
  });
});

test('a topic is listed with its most frequent causes', () => {
  const cause = { errorKind: 'poison', reason: 'no-value', errorClass: 'E', count: 7 };
  const names = { topic: 't.g.dlq', group: 'g', originTopic: 't' };
  const counts = { waiting: 8, redriven: 2, parked: 1, oldestAtMs: 0, newestAtMs: 1_000 };
  const causes = [cause, { ...cause, reason: null, count: 1 }];
  const decisions = [{ kind: 'parked' as const, by: 'anna', atMs: 0, why: 'a test', count: 1 }];
  expect(describeTopic({ ...names, ...counts, causes, decisions }, 1)).toEqual([
    't.g.dlq: 8 waiting, failed between 1970-01-01T00:00:00.000Z and 1970-01-01T00:00:01.000Z (2 redriven, 1 parked)',
    '       7  poison no-value  E',
    '  and 1 more causes',
    '       1  parked by anna at 1970-01-01T00:00:00.000Z: a test',
  ]);
  const none = { waiting: 0, redriven: 0, parked: 0, oldestAtMs: null, newestAtMs: null };
  expect(describeTopic({ ...names, ...none, causes: [], decisions: [] }, 1)).toEqual([
    't.g.dlq: 0 waiting (0 redriven, 0 parked)',
  ]);
});

test('the end of the list counts topics on which something waits', () => {
  expect([endingOf(0, 0), endingOf(1, 1), endingOf(2, 1), endingOf(5, 2)]).toEqual([
    'No dead letter waits.',
    '1 dead letter waits on 1 topic.',
    '2 dead letters wait on 1 topic.',
    '5 dead letters wait on 2 topics.',
  ]);
});
