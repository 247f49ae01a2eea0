import { isOutage, waitOut } from './outages';

const coded = (code: string) => Object.assign(new Error('x'), { code });
const named = (name: string) => Object.assign(new Error('Request aborted'), { name });

it.each([
  ['a refused connection', coded('ECONNREFUSED')],
  ['all of the addresses refused', new AggregateError([coded('ECONNREFUSED')])],
  ['a request that was not answered in time', named('AbortError')],
  [
    'an S3 server that stops',
    Object.assign(new Error('x'), { $metadata: { httpStatusCode: 503 } }),
  ],
  ['PostgreSQL that is starting', coded('57P03')],
  ['a connection that PostgreSQL cut', new Error('Connection terminated unexpectedly')],
  ['Redis that does not answer', new Error('Command timed out')],
  ['Kafka', Object.assign(new Error('x'), { name: 'KafkaJSConnectionError' })],
  ['one of these as a cause', new Error('y', { cause: coded('ECONNRESET') })],
])('is an outage: %s', (_, error) => {
  expect(isOutage(error)).toBe(true);
});

it.each([
  ['a row that is there twice', coded('23505')],
  ['a key that S3 does not know', named('NoSuchKey')],
  ['a bug', new TypeError('x is undefined')],
  ['no error', undefined],
])('is none: %s', (_, error) => {
  expect(isOutage(error)).toBe(false);
});

function patience() {
  const lines: string[] = [];
  const ending = new AbortController();
  const given = { say: (line: string) => void lines.push(line), signal: ending.signal, againMs: 1 };
  return { lines, ending, given };
}

it('waits out an outage, and says so once at its beginning and once at its end', async () => {
  const { lines, given } = patience();
  const work = (attempt: number) =>
    attempt < 3 ? Promise.reject(coded('ECONNREFUSED')) : Promise.resolve('done');
  expect(await waitOut('the small GitLab', work, given)).toBe('done');
  expect(lines).toEqual([
    'the small GitLab waits for a server that does not answer: x',
    expect.stringMatching(/^the small GitLab goes on after \d+ s$/),
  ]);
});

it('says nothing when all is well, and throws at once what is no outage', async () => {
  const { lines, given } = patience();
  await waitOut('it', () => Promise.resolve(), given);
  await expect(waitOut('it', () => Promise.reject(new Error('bug')), given)).rejects.toThrow('bug');
  expect(lines).toEqual([]);
});

it('ends with its signal, and at its limit', async () => {
  const { ending, given } = patience();
  const refused = () => Promise.reject(coded('ECONNREFUSED'));
  await expect(waitOut('it', refused, { ...given, limitMs: 5 })).rejects.toThrow('x');
  const ended = waitOut('it', refused, { ...given, say: () => ending.abort() });
  await expect(ended).rejects.toThrow(/abort/i);
});
