/** Sorts S3's failures at the edge, so that nobody inside has to know the SDK's error classes. */
import { isError } from '../../process/is-error';

/** `unavailable`: waiting helps. `refused`: S3 answered and said no; a person has to change something. */
export type S3Failure = 'unavailable' | 'refused';

export class S3Error extends Error {
  override readonly name = 'S3Error';

  constructor(
    message: string,
    readonly failure: S3Failure,
    /** As S3 or the network names it, for example AccessDenied, SlowDown, ECONNREFUSED. */
    readonly code: string,
    readonly httpStatus: number | undefined,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

/** Reasons, for a request or for one of its keys, that go away by waiting. */
const passingCodes = new Set([
  'SlowDown',
  'InternalError',
  'ServiceUnavailable',
  'RequestTimeout',
  'OperationAborted',
  'Throttling',
  'ThrottlingException',
  'RequestLimitExceeded',
  // Our clock is wrong: the SDK has learnt the server's from this very answer, and signs by it from now on.
  'RequestTimeTooSkewed',
]);

export const isPassing = (code: string): boolean => passingCodes.has(code);

/** Too much at once, not too little of S3: the same at a lower pace is granted. */
const slowDownCodes = new Set([
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
  'TooManyRequestsException',
  'RequestLimitExceeded',
]);

export const isSlowDown = (code: string, httpStatus?: number): boolean =>
  slowDownCodes.has(code) || httpStatus === 429;

/** @param limitMs the request's limit, for the message when it was that which ended it. */
export function translateError(error: unknown, doing: string, limitMs: number): S3Error {
  if (error instanceof S3Error) return error;
  if (!isError(error)) {
    return new S3Error(`S3, ${doing}: failed`, 'unavailable', 'Unknown', undefined, error);
  }
  if (error.name === 'AbortError' || error.name === 'TimeoutError') {
    const message = `S3, ${doing}: no answer within ${limitMs} ms`;
    return new S3Error(message, 'unavailable', 'Timeout', undefined, error);
  }
  const httpStatus = statusOf(error);
  const code = networkCode(error) ?? error.name;
  const detail = error.message === '' || error.message === code ? '' : `: ${error.message}`;
  const failure = failureOf(httpStatus, code);
  return new S3Error(`S3, ${doing}: ${code}${detail}`, failure, code, httpStatus, error);
}

function failureOf(httpStatus: number | undefined, code: string): S3Failure {
  const answered = httpStatus !== undefined && httpStatus >= 400 && httpStatus < 500;
  return answered && httpStatus !== 429 && !isPassing(code) ? 'refused' : 'unavailable';
}

export const isNotFound = (error: unknown): boolean =>
  error instanceof S3Error && (error.code === 'NotFound' || error.code === 'NoSuchKey');

export const errorCode = (error: unknown): string | undefined =>
  error instanceof S3Error ? error.code : undefined;

function statusOf(error: Error): number | undefined {
  const metadata = '$metadata' in error ? error.$metadata : undefined;
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  const status = 'httpStatusCode' in metadata ? metadata.httpStatusCode : undefined;
  return typeof status === 'number' ? status : undefined;
}

function networkCode(error: Error): string | undefined {
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^E[A-Z_]+$/.test(code) ? code : undefined;
}
