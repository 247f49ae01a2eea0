import fc from 'fast-check';
import type { FailureClass, FailurePolicy } from '../failure-policy';
import { WrongOutcomesError } from '../outcome';
import { nextStep, type FailedTry, type NextStep } from './next-step';

const error = new Error('no');
type Topics = Pick<FailurePolicy, 'deadLetters' | 'retryTopics'>;
const topics: Topics = {
  retryTopics: [{ topic: 'things.group.retry.30s', delayMs: 30_000 }],
  deadLetters: 'things.group.dlq',
};
const triesInPlace = 5;

const stepOf = (
  failureClass: FailureClass,
  failures = 0,
  over: Partial<FailedTry> = {},
  to = topics,
): NextStep =>
  nextStep({ error, failureClass, failures, isContradicted: false, ...over }, to, triesInPlace);

test('a record that fails for its own reasons goes to the retry topics after its tries in place, and not before', () => {
  expect(stepOf({ kind: 'transient' }, 4)).toEqual({ kind: 'again', error });
  expect(stepOf({ kind: 'transient' }, 5)).toEqual({ kind: 'redirect', error, poison: undefined });
  const without = { ...topics, retryTopics: [] };
  expect(stepOf({ kind: 'transient' }, 5_000, {}, without).kind).toBe('again');
});

test('a record for which it is too early is tried again until its patience makes it a failure of its own', () => {
  expect(stepOf({ kind: 'wait' })).toEqual({ kind: 'again', error });
  expect(stepOf({ kind: 'wait', patienceMs: 1 }, 4).kind).toBe('again');
  expect(stepOf({ kind: 'wait', patienceMs: 1 }, 5).kind).toBe('redirect');
});

test('an unavailable dependency is never the fault of the record, unless others succeed against it', () => {
  const hold = { kind: 'hold', dependency: 's3' } as const;
  const held = { kind: 'held', dependency: 's3', isOverload: false, error };
  expect(stepOf(hold, 1_000)).toEqual(held);
  expect(stepOf(hold, 4, { isContradicted: true }).kind).toBe('again');
  expect(stepOf(hold, 5, { isContradicted: true }).kind).toBe('redirect');
  const overload = { kind: 'overload', dependency: 's3' } as const;
  expect(stepOf(overload, 1_000)).toEqual({ ...held, isOverload: true });
});

test('a bug holds the lane however often, and throws nothing out', () => {
  expect(stepOf({ kind: 'bug' }, 1_000)).toEqual({ kind: 'stuck', error });
});

test('poison is a dead letter at once, or stops its lane where there is no topic for it', () => {
  const poison = { kind: 'poison', reason: 'wire-format' } as const;
  expect(stepOf(poison)).toEqual({ kind: 'redirect', poison: 'wire-format', error });
  expect(stepOf(poison, 0, {}, { ...topics, deadLetters: null }).kind).toBe('halted');
});

test('a handler that broke its contract stops its lane', () => {
  expect(stepOf({ kind: 'transient' }, 1, { error: new WrongOutcomesError('2 for 3') }).kind).toBe(
    'halted',
  );
});

const failureClasses = fc.constantFrom<FailureClass>(
  { kind: 'hold', dependency: 's3' },
  { kind: 'overload', dependency: 'postgres' },
  { kind: 'wait' },
  { kind: 'wait', patienceMs: 100 },
  { kind: 'transient' },
  { kind: 'poison', reason: 'not-a-value' },
  { kind: 'bug' },
);

/** Each rung by itself, in words of its own; the ladder must stand on exactly the one that is true. */
const rungs: Readonly<Record<string, (at: FailedTry, to: Topics) => boolean>> = {
  halted: ({ error: thrown, failureClass: { kind } }, { deadLetters }) =>
    thrown instanceof WrongOutcomesError || (kind === 'poison' && deadLetters === null),
  stuck: (at) => !isBroken(at) && at.failureClass.kind === 'bug',
  'dead letter': (at, { deadLetters }) =>
    !isBroken(at) && at.failureClass.kind === 'poison' && deadLetters !== null,
  held: (at) => !isBroken(at) && isHeld(at),
  'retry topic': (at, { retryTopics }) =>
    isItsOwn(at) && at.failures >= triesInPlace && retryTopics.length > 0,
  again: (at, { retryTopics }) =>
    isItsOwn(at) && !(at.failures >= triesInPlace && retryTopics.length > 0),
};
const isBroken = ({ error: thrown }: FailedTry): boolean => thrown instanceof WrongOutcomesError;
const isHeld = ({ failureClass: { kind }, isContradicted }: FailedTry): boolean =>
  kind === 'overload' || (kind === 'hold' && !isContradicted);
const isItsOwn = (at: FailedTry): boolean =>
  !isBroken(at) && !isHeld(at) && !['bug', 'poison'].includes(at.failureClass.kind);

const nameOf = (step: NextStep): string => {
  if (step.kind !== 'redirect') return step.kind;
  return step.poison === undefined ? 'retry topic' : 'dead letter';
};

test('every kind of error, number of failures and state of a dependency stands on exactly one rung', () => {
  const tries = fc.record({
    error: fc.constantFrom(error, new WrongOutcomesError('none')),
    failureClass: failureClasses,
    failures: fc.nat(12),
    isContradicted: fc.boolean(),
  });
  const places = fc.record({
    deadLetters: fc.constantFrom(null, 'things.group.dlq'),
    retryTopics: fc.constantFrom([], topics.retryTopics),
  });
  fc.assert(
    fc.property(tries, places, (failed, to) => {
      const standing = Object.keys(rungs).filter((name) => rungs[name]?.(failed, to));
      expect(standing).toEqual([nameOf(nextStep(failed, to, triesInPlace))]);
    }),
    { numRuns: 2_000 },
  );
});
