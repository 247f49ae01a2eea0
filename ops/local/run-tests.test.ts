import { addCounts, countJest } from './run-tests';

it('counts a suite that could not be loaded as a failure', () => {
  const summary = { numPassedTests: 4, numFailedTests: 1, numRuntimeErrorTestSuites: 2 };
  expect(countJest(summary)).toEqual({ passed: 4, failed: 3 });
});

it('adds up all parts', () => {
  const counts = [
    { passed: 1, failed: 0 },
    { passed: 10, failed: 2 },
  ];
  expect(addCounts(counts)).toEqual({ passed: 11, failed: 2 });
});
