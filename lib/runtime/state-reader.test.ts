import { listeningLogger } from '../../test/support/records/expired-artifacts';
import { createStateReader, Unreadable } from './state-reader';
import { UndecodableRecordError } from './poison';

function setUp(decode: (bytes: Buffer) => Promise<string>) {
  const { logger, said } = listeningLogger();
  const reader = createStateReader<string>({
    decode,
    refuse: (_, value) => (value === 'forged' ? 'it is forged' : undefined),
    logger,
  });
  const believe = async (bytes: Buffer | null) => {
    const value = await reader.decode(bytes);
    return reader.believe({ topic: 't', partition: 1, offset: 2, key: 'k', value });
  };
  return { believe, reader, said };
}

const asText = (bytes: Buffer) => Promise.resolve(bytes.toString());

test('a record that can be right is believed, and nothing is said', async () => {
  const { believe, said } = setUp(asText);
  expect(await believe(Buffer.from('ours'))).toBe('ours');
  expect(await believe(null)).toBeNull();
  expect(said).toEqual([]);
});

test('a record that is refused is passed over, and logged', async () => {
  const { believe, said } = setUp(asText);
  expect(await believe(Buffer.from('forged'))).toBeNull();
  expect(said).toEqual([{ level: 'warn', event: 'state.passed-over' }]);
});

test('damaged bytes are passed over, and halt nothing', async () => {
  const { believe, reader, said } = setUp(() =>
    Promise.reject(new UndecodableRecordError('no value of it', 'not-a-value')),
  );
  expect(await reader.decode(Buffer.from('x'))).toEqual(new Unreadable('no value of it'));
  expect(await believe(Buffer.from('x'))).toBeNull();
  expect(said).toEqual([{ level: 'warn', event: 'state.passed-over' }]);
});

test.each([
  ['a schema that may be newer than ours', new UndecodableRecordError('unknown schema', null)],
  ['a registry that is away', new Error('ECONNREFUSED')],
])('%s is waited for', async (_, error) => {
  const { reader } = setUp(() => Promise.reject(error));
  await expect(reader.decode(Buffer.from('x'))).rejects.toBe(error);
});
