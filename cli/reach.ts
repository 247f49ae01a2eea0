/**
 * Checks whether the servers that a command needs answer, within seconds, and reports one sentence when one does not.
 */
import { connect } from 'node:net';
import { systemClock } from '../lib/process/clock';
import type { Connections } from '../lib/process/config';
import { exitCodeOf } from '../lib/service/exit-code-of';
import { UnreachableError } from '../lib/process/unreachable-error';
import { isUntrusted, untrusted } from '../lib/process/untrusted';
import { within } from '../lib/process/within';
import { exitCodes } from './exit-codes';

interface Server {
  /** The server's name for operators. */
  readonly title: string;
  /** `host:port`; the server is available when one of them answers. Empty where only the client knows them. */
  readonly addresses: readonly string[];
  /** The variable that names the address. */
  readonly variable: string;
}

const connectLimitMs = 5_000;
const answerLimitMs = 10_000;

/**
 * @param firstAnswer the first request to the server; its own retries do not count.
 * @throws UnreachableError that names server, address and variable; the error of `firstAnswer` when it is a refusal.
 */
export async function reach<T>(server: Server, firstAnswer: () => Promise<T>): Promise<T> {
  if (server.addresses.length > 0) await accepts(server);
  const late = Symbol('late');
  try {
    const answer = await within<T | typeof late>(systemClock, answerLimitMs, firstAnswer(), late);
    if (answer !== late) return answer;
  } catch (error) {
    if (isUntrusted(error)) throw untrusted(placeOf(server), error);
    if (exitCodeOf(error) !== exitCodes.unreachable) throw error;
    throw silent(server, (error as Error).message, error);
  }
  throw silent(server, `no answer within ${answerLimitMs / 1_000} s`);
}

/** A refused connection is known at once; the clients would retry it for half a minute. */
async function accepts(server: Server): Promise<void> {
  try {
    await Promise.any(server.addresses.map(accept));
  } catch (thrown) {
    const [first] = (thrown as AggregateError).errors as readonly Error[];
    throw silent(server, first?.message ?? 'no connection', first);
  }
}

function accept(address: string): Promise<void> {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(address.slice(at + 1)) });
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(connectLimitMs, () =>
      fail(new Error(`no connection within ${connectLimitMs / 1_000} s`)),
    );
    socket.once('error', fail).once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}

const placeOf = ({ title, addresses }: Server): string =>
  addresses.length === 0 ? title : `${title} at ${addresses.join(', ')}`;

const silent = (server: Server, why: string, cause?: unknown): Error =>
  new UnreachableError(`${placeOf(server)} does not answer (${server.variable}): ${why}`, {
    cause,
  });

export const kafkaOf = ({ KAFKA_BROKERS }: Pick<Connections, 'KAFKA_BROKERS'>): Server => ({
  title: 'Kafka',
  addresses: KAFKA_BROKERS,
  variable: 'KAFKA_BROKERS',
});

export const postgresOf = (
  config: Pick<Connections, 'POSTGRES_HOST' | 'POSTGRES_PORT'>,
): Server => ({
  title: 'PostgreSQL',
  // A folder: a socket of this machine.
  addresses: config.POSTGRES_HOST.startsWith('/')
    ? []
    : [`${config.POSTGRES_HOST}:${config.POSTGRES_PORT}`],
  variable: 'POSTGRES_HOST, POSTGRES_PORT',
});

export const redisOf = (
  { host, port }: { readonly host: string; readonly port: number },
  variable = 'REDIS_HOST, REDIS_PORT',
): Server => ({ title: 'Redis', addresses: [`${host}:${port}`], variable });

/** @param url undefined where the client finds the server by itself. */
export function httpOf(title: string, variable: string, url: string | undefined): Server {
  if (url === undefined) return { title, variable, addresses: [] };
  const { hostname, port, protocol } = new URL(url);
  const portOf = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
  return { title, variable, addresses: [`${hostname}:${portOf}`] };
}
