import { Type, type Schema } from 'avsc';
import { loadSchema } from '../../lib/avro/schema-file';
import { moment, origin } from '../../test/support/records/expired-artifacts';
import { due } from '../../test/support/records/finished-builds';
import { recordOf } from './records';

test('a record says which build, where it was seen and who found it, and fits the schema', () => {
  const record = recordOf({ partitionId: 101, buildId: 7, ...due }, moment, 'stale');
  expect(record).toEqual({
    key: '101:7',
    value: { origin, source: 'stale', partitionId: 101, buildId: 7, ...due },
  });
  const type = Type.forSchema(loadSchema('builds.finished') as unknown as Schema);
  expect(type.isValid(record.value)).toBe(true);
});
