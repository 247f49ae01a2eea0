/**
 * Repairs connections of kafkajs 2.2.4, which uses them again after they were lost.
 *
 * - A half-received answer stays in the buffer: the first answer on the new connection is appended to it, and nothing
 *   after that can be decoded. Every request there waits for its time limit, for ever.
 * - Events of the old socket still act on the new one: its end closes it.
 * - Two callers that connect at once open two sockets; a server that hangs up within a TLS handshake leaves the promise
 *   open for ever, with the broker's lock.
 * - Each disconnect of a socket that is gone leaves a listener on it, until Node warns of a leak.
 * - A request that waits for another request's attempt to connect fails after a time limit, with an error that kafkajs
 *   never retries, so that a consumer ends. Here it can be retried: it only means that the broker does not answer.
 * - A login during which the connection is lost counts as refused, and kafkajs gives up for good.
 * - A request without an answer is repeated at the same broker, without a check whether the partitions have other
 *   leaders by now. Here it counts as a lost connection, as in the Java client.
 */
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { KafkaJSConnectionError } from 'kafkajs';
import { isUnreachable } from './client-errors';
import { asError } from '../../process/is-error';

interface Connection {
  readonly broker: string;
  readonly connectionTimeout: number;
  socket: Socket | undefined;
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  isConnected(): boolean;
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
}

interface SocketRequest {
  readonly broker: string;
  rejected(error: Error): void;
}

interface Authenticator {
  connection: {
    send(request: unknown): Promise<unknown>;
    sendAuthRequest(request: unknown): unknown;
  };
}

interface Lock {
  acquire(): Promise<void>;
}

/** The length of an answer, which precedes it. */
const lengthBytes = 4;
/** Applies after kafkajs' own limit, which does not cover everything. */
const graceMs = 500;
const opening = new WeakMap<Connection, Promise<unknown>>();
let isRepaired = false;

/** Idempotent. @throws Error when the kafkajs that is installed is built differently. */
export function repairConnections(): void {
  if (isRepaired) return;
  const connection = prototypeOf('network/connection', 'connect') as Connection;
  const request = prototypeOf('network/requestQueue/socketRequest', 'rejected') as SocketRequest;
  repairLock(prototypeOf('utils/lock', 'acquire') as Lock);
  repairLogin(prototypeOf('broker/saslAuthenticator', 'authenticate') as Authenticator);
  const connect: unknown = Reflect.get(connection, 'connect');
  connection.connect = function (this: Connection) {
    if (this.isConnected()) return Promise.resolve(true);
    const before = opening.get(this);
    if (before) return before;
    letGo(this);
    const opened = timed(this, Reflect.apply(connect as () => Promise<unknown>, this, [])).finally(
      () => opening.delete(this),
    );
    opening.set(this, opened);
    return opened;
  };
  const disconnect: unknown = Reflect.get(connection, 'disconnect');
  connection.disconnect = function (this: Connection) {
    if (this.socket?.destroyed === true) this.socket = undefined;
    return Reflect.apply(disconnect as () => Promise<unknown>, this, []);
  };
  const rejected: unknown = Reflect.get(request, 'rejected');
  request.rejected = function (this: SocketRequest, error: Error) {
    const isLate = error.name === 'KafkaJSRequestTimeoutError';
    const reported = isLate ? lateError(error.message, this.broker) : error;
    Reflect.apply(rejected as (error: Error) => void, this, [reported]);
  };
  isRepaired = true;
}

function repairLock(lock: Lock): void {
  const acquire: unknown = Reflect.get(lock, 'acquire');
  lock.acquire = async function (this: Lock) {
    try {
      await Reflect.apply(acquire as () => Promise<void>, this, []);
    } catch (error) {
      throw Object.assign(asError(error), { retriable: true });
    }
  };
}

/** The error of a login mechanism keeps only the words of its cause, so the lost connection is noted on the way. */
function repairLogin(authenticator: Authenticator): void {
  const authenticate: unknown = Reflect.get(authenticator, 'authenticate');
  const login = async function (this: Authenticator): Promise<void> {
    const { connection } = this;
    let lost: unknown;
    const send = (request: unknown): Promise<unknown> =>
      connection.send(request).catch((error: unknown) => {
        if (isUnreachable(asError(error))) lost = error;
        throw error;
      });
    const sendAuthRequest = connection.sendAuthRequest.bind(connection);
    const watched = Object.create(connection) as Authenticator['connection'];
    this.connection = Object.assign(watched, { send, sendAuthRequest });
    try {
      await Reflect.apply(authenticate as () => Promise<void>, this, []);
    } catch (error) {
      throw lost ?? error;
    } finally {
      this.connection = connection;
    }
  };
  Reflect.set(authenticator, 'authenticate', login);
}

function prototypeOf(file: string, method: string): object {
  const { prototype } = createRequire(__filename)(`kafkajs/src/${file}`) as {
    prototype: object;
  };
  if (typeof Reflect.get(prototype, method) !== 'function') {
    throw new Error(`kafkajs has no ${method} in ${file}: look how it connects now.`);
  }
  return prototype;
}

const lateError = (message: string, broker: string): Error =>
  new KafkaJSConnectionError(message, { broker, code: 'ETIMEDOUT' });

function letGo(connection: Connection): void {
  const { socket } = connection;
  connection.chunks = [];
  connection.bytesBuffered = 0;
  connection.bytesNeeded = lengthBytes;
  if (!socket) return;
  socket.removeAllListeners();
  socket.on('error', () => undefined);
  socket.destroy();
}

async function timed(connection: Connection, opened: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    const late = (): void => reject(lateError('Connection timeout', connection.broker));
    timer = setTimeout(late, connection.connectionTimeout + graceMs);
  });
  try {
    return await Promise.race([opened, limit]);
  } finally {
    clearTimeout(timer);
  }
}
