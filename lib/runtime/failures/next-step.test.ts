import { noFailurePolicy, type FailurePolicy, type Verdict } from '../failure-policy';
import { nextStep, nextStepOfError } from './next-step';
import { deadLetter, done, halt, hold, partly, retry, skip } from '../outcome';
import { UndecodableRecordError } from '../undecodable-record-error';

const error = new Error('no');
const policy = (verdict: Verdict, over: Partial<FailurePolicy> = {}): FailurePolicy => ({
  needs: ['s3'],
  classify: () => verdict,
  retryTopics: [{ topic: 'things.group.retry.30s', delayMs: 30_000 }],
  deadLetters: 'things.group.dlq',
  ...over,
});
const transient = policy({ kind: 'transient' });

test.each([
  [done, 'finished'],
  [skip('x'), 'finished'],
  [halt(error), 'halted'],
  [hold('s3', error), 'held'],
  [deadLetter('wire-format', error), 'letter'],
])('%j is %s', (outcome, kind) => {
  expect(nextStep(outcome, 1, transient, 5).kind).toBe(kind);
});

test('what fails for its own sake goes to the retry topics after its tries in place, and not before', () => {
  expect(nextStep(retry(error), 4, transient, 5)).toEqual({ kind: 'again', error });
  expect(nextStep(retry(error), 5, transient, 5)).toMatchObject({
    kind: 'letter',
    poison: undefined,
  });
  expect(nextStep(partly('rest', error), 5, transient, 5).kind).toBe('letter');
  const without = policy({ kind: 'transient' }, { retryTopics: [] });
  expect(nextStep(retry(error), 5_000, without, 5).kind).toBe('again');
});

test('for what it is not time yet is asked again, until it is taken to be its own fault', () => {
  const waits = policy({ kind: 'wait' });
  expect(nextStep(retry(error), 0, waits, 5)).toEqual({ kind: 'again', error });
  expect(nextStep(retry(error), 4, waits, 5).kind).toBe('again');
  expect(nextStep(retry(error), 5, waits, 5)).toMatchObject({ kind: 'letter', poison: undefined });
});

test.each([
  [
    { kind: 'hold', dependency: 's3' },
    { kind: 'held', isOverload: false },
  ],
  [
    { kind: 'overload', dependency: 's3' },
    { kind: 'held', isOverload: true },
  ],
  [{ kind: 'bug' }, { kind: 'stuck' }],
] as [Verdict, object][])(
  '%j is never the fault of the record, however often',
  (verdict, expected) => {
    expect(nextStep(retry(error), 1_000, policy(verdict), 5)).toMatchObject(expected);
  },
);

test('poison is a dead letter at once, or stops its lane where there is no topic for it', () => {
  const poison: Verdict = { kind: 'poison', reason: 'wire-format' };
  expect(nextStepOfError(error, 1, policy(poison), 5)).toEqual({
    kind: 'letter',
    poison: 'wire-format',
    error,
  });
  expect(nextStepOfError(error, 1, policy(poison, { deadLetters: null }), 5).kind).toBe('halted');
  const undecodable = new UndecodableRecordError('no', null);
  expect(nextStepOfError(undecodable, 1, noFailurePolicy, 5).kind).toBe('halted');
  expect(nextStepOfError(error, 1, noFailurePolicy, 5).kind).toBe('again');
});
