/** The one place where a logger is made: JSON lines on stdout, secrets redacted. */
import { pino, stdSerializers, type Logger } from 'pino';
import { printableJson } from './printable';

export type { Logger } from 'pino';

/** Keys whose values never reach a log line, at any of the first three levels of an object. */
const secretKeys = ['password', 'secretAccessKey', 'accessKeyId', 'authorization', 'sasl'];
const redactPaths = secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

/** @param process name of the process, for example `artifact-deleter`; becomes the field `process`. */
export function createLogger(process: string, level: string): Logger {
  return pino({
    level,
    base: { process },
    redact: { paths: redactPaths, censor: '[redacted]' },
    serializers: { err: describeError },
    hooks: { streamWrite: printableJson },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}

/** Our messages contain their cause already; pino would append those of all causes once more. */
export const describeError = (error: unknown): unknown =>
  error instanceof Error ? { ...stdSerializers.err(error), message: error.message } : error;
