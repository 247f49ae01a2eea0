/**
 * Avoids hashing a body twice. A signature covers the SHA-256 of the body, and a request that stores bytes carries that
 * sum already, as the checksum that the server verifies.
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
