/** The errors of kafkajs: a broker's refusal by its type, and failures of a connection. */
import { KafkaJSConnectionError } from 'kafkajs';

export class ProtocolError extends Error {
  override readonly name = 'KafkaJSProtocolError';
  readonly retriable = true;

  constructor(readonly type: string) {
    super(type);
  }
}

/** A server is gone, or hangs up. */
export const hungUp = (node: number): Error =>
  new KafkaJSConnectionError('Closed connection', { broker: String(node), code: 'ECONNRESET' });

export const refused = (node: number): Error =>
  new KafkaJSConnectionError('ECONNREFUSED', { broker: String(node), code: 'ECONNREFUSED' });

/** The error that `repair-connections.ts` makes of a request without an answer. */
export const silence = (node: number): Error =>
  new KafkaJSConnectionError('Request timed out', { broker: String(node), code: 'ETIMEDOUT' });
