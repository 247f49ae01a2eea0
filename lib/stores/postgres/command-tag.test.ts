import { type Answer, assertAnswers } from './command-tag';

const rows = [{}, {}];

test.each<[string, Answer]>([
  ['COMMIT', { command: 'COMMIT', rowCount: null, rows: [] }],
  ['\n  select 1', { command: 'SELECT', rowCount: 2, rows }],
  ['EXPLAIN SELECT 1', { command: 'EXPLAIN', rowCount: null, rows }],
  ['DELETE FROM a', { command: 'DELETE', rowCount: 2, rows: [] }],
  ['DELETE FROM a RETURNING id', { command: 'DELETE', rowCount: 2, rows }],
  ['WITH a AS (SELECT 1) DELETE FROM b', { command: 'DELETE', rowCount: 0, rows: [] }],
])('%j answered with %j is done', (text, answer) => {
  expect(() => assertAnswers({ name: 'x', text }, answer)).not.toThrow();
});

test.each<[string, Answer]>([
  ['COMMIT', { command: 'ROLLBACK', rowCount: null, rows: [] }],
  ['DELETE FROM a RETURNING id', { command: 'SELECT', rowCount: 2, rows }],
  ['DELETE FROM a RETURNING id', { command: 'DELETE', rowCount: 3, rows }],
  ['SELECT 1', { command: 'SELECT', rowCount: null, rows }],
])('%j answered with %j says nothing', (text, answer) => {
  expect(() => assertAnswers({ name: 'x', text }, answer)).toThrow(
    expect.objectContaining({ name: 'PostgresError', failure: 'unavailable' }) as Error,
  );
});
