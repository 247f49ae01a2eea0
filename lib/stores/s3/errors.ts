/** Sorts S3's failures at the edge, so that other code needs none of the SDK's error classes. */
import { isError } from '../../process/is-error';
import { isUntrusted } from '../../process/untrusted';

/**
 * - `unavailable`: no answer, or none to this request: nothing is known, and waiting helps.
 * - `refused`: S3 refused this request.
 * - `unfit`: S3 answers, but cannot do, or does not allow, what every record needs. Waiting does not help; an operator
 *   has to change a setting, a privilege or the server.
 */
export type S3Failure = 'unavailable' | 'refused' | 'unfit';

/** An answer of another shape than the request's, including one that leaves something out. */
const unexpectedAnswer = 'UnexpectedAnswer';
/** Of the right shape, but without a part of what was requested. */
export const incompleteAnswer = 'IncompleteAnswer';

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

/** Reasons, for a request or for one of its keys, that pass by waiting. */
const passingCodes = new Set([
  'SlowDown',
  'InternalError',
  'ServiceUnavailable',
  'RequestTimeout',
  'OperationAborted',
  'Throttling',
  'ThrottlingException',
  'RequestLimitExceeded',
  // Our clock is wrong: the SDK has read the server's from this very answer, and signs by it from now on.
  'RequestTimeTooSkewed',
]);

export const isPassing = (code: string): boolean => passingCodes.has(code);

/** Too many requests at once, no outage: S3 grants the same at a lower pace. */
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

/** @param limitMs the request's time limit, for the message when the limit ended it. */
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
  // The driver could not read an answer that came as a success, in another shape.
  if (httpStatus === 200) return nothingKnown(doing, 'an answer that is no XML', error);
  const code = codeOf(error, httpStatus);
  const said = saysNothingMore(error.message, code) ? '' : `: ${error.message}`;
  const failure = isUntrusted(error) ? 'unfit' : failureOf(httpStatus, code);
  return new S3Error(`S3, ${doing}: ${code}${said}`, failure, code, httpStatus, error);
}

function codeOf(error: Error, httpStatus: number | undefined): string {
  const name = networkCode(error) ?? error.name;
  return name === 'Unknown' && httpStatus !== undefined ? `HTTP ${httpStatus}` : name;
}

/** `Invalid Request.` beside InvalidRequest. */
function saysNothingMore(message: string, code: string): boolean {
  const bare = (text: string): string => text.replace(/[^a-z0-9]/gi, '').toLowerCase();
  return ['', 'unknownerror', bare(code)].includes(bare(message));
}

/** @param got the answer that came instead of one to the request. */
export function nothingKnown(
  doing: string,
  got: string,
  cause?: unknown,
  code = unexpectedAnswer,
): S3Error {
  const message = `S3, ${doing}: ${got}: nothing is known of what was done, it is asked again`;
  return new S3Error(message, 'unavailable', code, undefined, cause);
}

function failureOf(httpStatus: number | undefined, code: string): S3Failure {
  if (httpStatus === undefined || isPassing(code)) return 'unavailable';
  if (code === 'NotImplemented') return 'unfit';
  return ofStatus(httpStatus);
}

/** A redirect names another region or address; 307 passes, when a new bucket's name is known everywhere. */
function ofStatus(httpStatus: number): S3Failure {
  if (httpStatus === 307 || httpStatus === 429) return 'unavailable';
  if (httpStatus === 501 || (httpStatus >= 300 && httpStatus < 400)) return 'unfit';
  return httpStatus >= 400 && httpStatus < 500 ? 'refused' : 'unavailable';
}

/** A missing key. A bare 404 proves that for HEAD only: any server on the way may send it. */
export const isNoSuchKey = (error: unknown): boolean => errorCode(error) === 'NoSuchKey';
/** A HEAD's answer has no body, so that a bucket that is not there looks the same. */
export const isHeadNotFound = (error: unknown): boolean =>
  isNoSuchKey(error) || errorCode(error) === 'NotFound';

/** S3's answer to every request when bucket or credentials are not what they were: waiting is right. */
const environmentCodes = new Set([
  'NoSuchBucket',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'InvalidToken',
  'InvalidTokenId',
  'AuthorizationHeaderMalformed',
  'AccountProblem',
  'RequestTimeTooSkewed',
]);

/** Whether any other request would have got the same answer. */
export const concernsEveryRequest = ({ failure, code }: S3Error): boolean =>
  failure !== 'refused' || environmentCodes.has(code);

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
  return typeof code === 'string' && /^[A-Z][A-Z_]+$/.test(code) ? code : undefined;
}
