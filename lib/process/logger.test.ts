import { pino } from 'pino';
import { describeError } from './logger';

test('a message that says its cause already is written once, and the stack keeps both', () => {
  const cause = new Error('Invalid Request.');
  const error = new Error('S3, deleting: Invalid Request.', { cause });
  const lines: string[] = [];
  const logger = pino(
    { base: {}, serializers: { err: describeError } },
    { write: (line) => lines.push(line) },
  );
  logger.warn({ err: error }, 'failed');
  const { err } = JSON.parse(lines[0]!) as { err: { message: string; stack: string } };
  expect(err.message).toBe('S3, deleting: Invalid Request.');
  expect(err.stack).toContain('caused by');
});
