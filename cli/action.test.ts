import { NotStreamingError } from '../connect/await-streaming';
import { PositionLostError, SourceNotFitError } from '../connect/apply';
import { ConnectRefusedError, ConnectUnavailableError } from '../lib/connect/connect-client';
import { ConfigError } from '../lib/process/config';
import { PostgresError } from '../lib/stores/postgres/errors';
import { exitCodeOf } from './action';
import { exitCodes, exitCodesHelp } from './exit-codes';

const gap = { kind: 'slot-missing', storedLsn: 1, slotLsn: null, streamsOn: false } as const;
const named = (name: string, cause?: Error): Error =>
  Object.assign(new Error('x', { cause }), { name });

test.each<[string, unknown, number]>([
  ['a wrong setting', new ConfigError('x'), exitCodes.configuration],
  ['a source that is not fit', new SourceNotFitError(['x']), exitCodes.configuration],
  ['a wrong password', new PostgresError('x', 'other', '28P01', null), exitCodes.configuration],
  ['a missing privilege', new PostgresError('x', 'other', '42501', null), exitCodes.configuration],
  ['a failing statement', new PostgresError('x', 'other', '42601', null), exitCodes.failed],
  ['no database', new PostgresError('x', 'unavailable', undefined, null), exitCodes.unreachable],
  ['no Connect', new ConnectUnavailableError('x'), exitCodes.unreachable],
  ['a connector that does not stream', new NotStreamingError('x'), exitCodes.unreachable],
  ['no broker', named('KafkaJSConnectionError'), exitCodes.unreachable],
  [
    'no broker after retries',
    named('KafkaJSNumberOfRetriesExceeded', named('KafkaJSConnectionError')),
    exitCodes.unreachable,
  ],
  ['a lost position', new PositionLostError(gap), exitCodes.changesLost],
  ['what Connect refuses', new ConnectRefusedError('x'), exitCodes.failed],
  ['a bug', new TypeError('x'), exitCodes.failed],
])('%s has its exit code', (_, error, expected) => {
  expect(exitCodeOf(error)).toBe(expected);
});

test('the help names every exit code', () => {
  for (const code of Object.values(exitCodes)) expect(exitCodesHelp).toContain(`\n  ${code}  `);
});
