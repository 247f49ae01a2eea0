/** Serves the page: its files, the state as server-sent events, the topics. It answers GET alone and changes nothing. */
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { AddressInfo } from 'node:net';
import { ConfigError } from '../../lib/process/config';
import { ownHostNames } from '../../lib/service/http-server';
import type { History } from './history';
import { readPageFiles } from './page-files';
import type { PageState } from './page-state';
import { eventText, type Viewers } from './viewers';

/** No script, style or picture from elsewhere; no frame around it; nothing inline. */
const headers = {
  'content-security-policy': [
    "default-src 'none'",
    ...['script-src', 'style-src', 'img-src', 'connect-src'].map((kind) => `${kind} 'self'`),
    ...["base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"],
    "require-trusted-types-for 'script'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/** A browser takes up to six; viewers are bounded for themselves. */
const connectionsMax = 256;

/** What the page shows at this moment. */
interface PageView {
  /** Null until Kafka was read once. */
  readonly state: () => PageState | null;
  readonly history: History;
  readonly viewers: Viewers;
}

interface PageServer {
  /** With the port that the system chose, if it was asked to. */
  readonly url: string;
  close(): Promise<void>;
}

interface PageServerOptions {
  readonly host: string;
  readonly port: number;
  readonly view: PageView;
  /** Adds more paths. */
  readonly more: (app: FastifyInstance) => void;
}

/** @throws ConfigError when the address cannot be listened on. */
export async function startPageServer(options: PageServerOptions): Promise<PageServer> {
  const { host, port, view } = options;
  const app = fastify({
    forceCloseConnections: true,
    requestTimeout: 10_000,
    bodyLimit: 1,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 300 },
  });
  app.server.maxConnections = connectionsMax;
  guard(app, host);
  addFiles(app);
  addLive(app, view);
  options.more(app);
  try {
    await app.listen({ host, port });
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new ConfigError(`UI_HOST, UI_PORT: nothing can listen on ${host}:${port} (${code}).`, {
      cause: error,
    });
  }
  const address = app.server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${address.port}/`,
    close: async () => {
      view.viewers.close();
      await app.close();
    },
  };
}

/** For requests of this machine only: a page elsewhere could reach the server under a name of its own. */
function guard(app: FastifyInstance, host: string): void {
  const isOwnName = ownHostNames(host);
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    void reply.headers(headers);
    if (!isOwnName(request.headers.host)) await reply.code(404).send({ error: 'not found' });
  });
  app.setNotFoundHandler((_, reply) => reply.code(404).send({ error: 'not found' }));
  app.setErrorHandler((error: Error & { statusCode?: number }, _, reply) => {
    const { statusCode = 500, message } = error;
    return reply.code(statusCode).send({ error: message });
  });
}

function addFiles(app: FastifyInstance): void {
  for (const [path, { contentType, body }] of readPageFiles()) {
    app.get(path, (_, reply) =>
      reply.header('cache-control', 'no-cache').type(contentType).send(body),
    );
  }
}

function addLive(app: FastifyInstance, { state, history, viewers }: PageView): void {
  app.get('/api/state', (_, reply) => {
    const now = state();
    return now === null ? reply.code(503).send({ error: 'Kafka was not read yet' }) : now;
  });
  app.get('/api/live', (_, reply) => {
    const now = state();
    const first =
      eventText('history', history.points) + (now === null ? '' : eventText('state', now));
    if (!viewers.add(reply.raw, headers, first)) {
      return reply.code(503).send({ error: 'too many viewers' });
    }
    reply.hijack();
    return reply;
  });
}
