import { type Acceptance, judgeOrigin, refuseBucket, refuseDatabase } from './decide';

const here = { systemIdentifier: '7', databaseName: 'gitlab', timeline: 2, lsn: 1_000 };
const expected = { systemIdentifier: '7', databaseName: 'gitlab' };
const acceptance: Acceptance = { ...here, lsn: 900, atMs: 50 };
const judge = (origin: Partial<typeof here>, accepted?: Acceptance, timestampMs = 60) =>
  judgeOrigin({ origin: { ...here, ...origin }, timestampMs }, here, accepted);

describe('a connection', () => {
  test('to the configured primary is used', () => {
    expect(refuseDatabase({ ...here, inRecovery: false }, expected)).toBeUndefined();
  });

  test.each([
    [{ systemIdentifier: '8' }, /POSTGRES_SYSTEM_IDENTIFIER is 7, but the server says 8/],
    [{ databaseName: 'copy' }, /POSTGRES_DATABASE is gitlab, but the connection reached copy/],
    [{ inRecovery: true }, /in recovery/],
  ])('with %j is refused in one sentence', (wrong, sentence) => {
    expect(refuseDatabase({ ...here, inRecovery: false, ...wrong }, expected)).toMatch(sentence);
  });
});

describe('a bucket', () => {
  test('that carries the tag is used, also when the value holds an equals sign', () => {
    expect(refuseBucket(new Map([['owner', 'a=b']]), 'owner=a=b', 'artifacts')).toBeUndefined();
  });

  test('without the tag, or with another value, is refused by name', () => {
    expect(refuseBucket(new Map(), 'owner=ci', 'artifacts')).toMatch(/artifacts has no tag owner/);
    expect(refuseBucket(new Map([['owner', 'x']]), 'owner=ci', 'artifacts')).toMatch(
      /artifacts says owner=x/,
    );
  });
});

describe('a record', () => {
  test('of this history, read before now, proves what it says', () => {
    expect(judge({ lsn: 1_000 }).kind).toBe('same-history');
  });

  test.each([
    [{ systemIdentifier: '8' }, false],
    [{ databaseName: 'other' }, false],
    [{ timeline: 1 }, false],
    [{ timeline: 3 }, false],
    [{ lsn: 1_001 }, true],
  ])('read at %j is held', (origin, sticky) => {
    expect(judge(origin)).toMatchObject({ kind: 'hold', sticky });
  });

  test('from before the acceptance is worked on without believing in absence', () => {
    expect(judge({ timeline: 1 }, acceptance, 50).kind).toBe('older-history');
    expect(judge({ lsn: 5_000 }, acceptance, 50).kind).toBe('older-history');
    expect(judge({ lsn: 10 }, acceptance, 50).kind).toBe('older-history');
  });

  test('from after the acceptance is judged as ever', () => {
    expect(judge({}, acceptance, 51).kind).toBe('same-history');
    expect(judge({ lsn: 5_000 }, acceptance, 51).kind).toBe('hold');
  });

  test.each([
    { systemIdentifier: '8' },
    { databaseName: 'other' },
    { timeline: 1 },
    { lsn: 1_001 },
  ])('is not covered by the acceptance of another history: %j', (other) => {
    expect(judge({ timeline: 1 }, { ...acceptance, ...other }, 50).kind).toBe('hold');
  });
});
