/** Serves the few pages of a process (health, metrics) over plain HTTP. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import { ConfigError } from '../process/config';
import { isLoopback } from '../process/loopback';
import { printableJson } from '../process/printable';

export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** By path, for example `/livez`. */
export type Pages = Readonly<Record<string, () => Page | Promise<Page>>>;

export interface HttpServer {
  /** The configured port, or the one that the system chose. */
  readonly port: number;
  /** Open connections are cut: a scraper must not delay the end of the process. */
  close(): Promise<void>;
}

export const jsonPage = (status: number, value: unknown): Page => ({
  status,
  contentType: 'application/json; charset=utf-8',
  body: `${printableJson(JSON.stringify(value))}\n`,
});

/**
 * @param port 0 takes any free one.
 * @throws ConfigError when the address cannot be listened on.
 */
export async function startHttpServer(
  host: string,
  port: number,
  pages: Pages,
): Promise<HttpServer> {
  const isOwnName = ownHostNames(host);
  const server = createServer(limits, (request, response) => {
    const shown = isOwnName(request.headers.host) ? pages : foreign;
    void answer(shown, request, response);
  });
  server.maxConnections = connectionsMax;
  await listen(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A client that does not finish its request is cut off; a probe and a scraper need milliseconds. */
const limits = {
  headersTimeout: 3_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8_192,
};
const connectionsMax = 64;

const foreign: Pages = {};

/**
 * When only this machine can reach the server, a page in a browser could still reach it under a host name of its own
 * that resolves to here, so the Host header is checked. The probes and scrapers of a cluster use any name, and no
 * answer depends on it.
 */
export function ownHostNames(host: string): (asked: string | undefined) => boolean {
  if (!isLoopback(host)) return () => true;
  return (asked = '') => {
    const name = asked.replace(/:[0-9]*$/, '').replace(/^\[(.*)\]$/, '$1');
    return name === host || name === 'localhost' || isIP(name) !== 0;
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = `nothing can listen on ${host}:${port} (${error.code ?? error.message})`;
      reject(new ConfigError(`HTTP_HOST, HTTP_PORT: ${reason}.`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

async function answer(
  pages: Pages,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { status, contentType, body } = await pageOf(pages, request).catch(() =>
    jsonPage(500, { error: 'the page could not be made' }),
  );
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function pageOf(pages: Pages, { method, url }: IncomingMessage): Promise<Page> {
  if (method !== 'GET' && method !== 'HEAD') return jsonPage(405, { error: 'only GET and HEAD' });
  const path = (url ?? '/').split('?')[0] ?? '/';
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (!page) return jsonPage(404, { pages: Object.keys(pages) });
  return page();
}
