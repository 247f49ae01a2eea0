import { aLetter } from '../../test/support/records/dead-letter-fixture';
import { redriven } from './outgoing';

const record = { offset: 4, timestampMs: 9_000, key: null, value: Buffer.from('v'), headers: {} };
const origin = { topic: 'artifacts.expired', partition: 3, offset: 12, timestampMs: 5_000 };

test('what is redriven says when it was written first, where its dead letter knows', () => {
  const { headers } = redriven(aLetter({ origin }), record, 'r-1');
  expect(headers).toMatchObject({ 'afterbuild-redrive-timestamp': '5000' });
  const unknown = redriven(aLetter({ origin: { ...origin, timestampMs: 0 } }), record, 'r-1');
  expect(Object.keys(unknown.headers ?? {})).not.toContain('afterbuild-redrive-timestamp');
});
