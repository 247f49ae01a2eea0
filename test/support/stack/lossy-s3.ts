/**
 * An S3 server between a process and the real one that loses answers: the real one has carried out the request, and the
 * caller never gets the answer.
 */
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface S3Exchange {
  readonly method: string;
  /** Bucket and key. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The answer of the real server. */
  readonly status: number;
  readonly isLost: boolean;
}

export interface LossyS3 {
  readonly endpoint: string;
  /** All requests that passed, in the order of the answers. */
  readonly exchanges: readonly S3Exchange[];
  stop(): Promise<void>;
}

/**
 * @param endpoint of the real server.
 * @param loses called when the real server has answered; true cuts the caller's connection instead.
 */
export async function startLossyS3(
  endpoint: string,
  loses: (exchange: Omit<S3Exchange, 'isLost'>) => boolean,
): Promise<LossyS3> {
  const exchanges: S3Exchange[] = [];
  const pass = (asked: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '/', headers } = asked;
    const { hostname, port } = new URL(endpoint);
    // The signature covers the caller's host: headers pass unchanged.
    const onward = request({ hostname, port, method, path: url, headers }, (answer) => {
      const { pathname, searchParams: query } = new URL(url, endpoint);
      const path = decodeURIComponent(pathname);
      const exchange = { method, path, query, status: answer.statusCode ?? 0 };
      const isLost = loses(exchange);
      exchanges.push({ ...exchange, isLost });
      if (isLost) {
        answer.resume().once('end', () => asked.socket.destroy());
        return;
      }
      response.writeHead(exchange.status, answer.headers);
      answer.pipe(response);
    });
    onward.once('error', () => asked.socket.destroy());
    asked.pipe(onward);
  };
  const server = createServer(pass);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    exchanges,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
