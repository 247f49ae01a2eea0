/**
 * A signature covers the SHA-256 of the body. A request that stores bytes carries that very sum already,
 * as the checksum that the server verifies: then the SDK need not hash them all over again.
 */

const checksumHeader = 'x-amz-checksum-sha256';
/** Where the SDK looks before it hashes a body for the signature. */
const payloadHeader = 'x-amz-content-sha256';

/** Changes nothing about a request without that checksum, or whose body is not in memory. */
export function signKnownChecksum(request: unknown): void {
  if (!isRequest(request) || !Buffer.isBuffer(request.body)) return;
  const checksum = request.headers[checksumHeader];
  if (checksum === undefined) return;
  request.headers[payloadHeader] = Buffer.from(checksum, 'base64').toString('hex');
}

interface Request {
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

const isRequest = (request: unknown): request is Request =>
  typeof request === 'object' && request !== null && 'headers' in request;
