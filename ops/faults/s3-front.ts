/**
 * A reverse proxy in front of an S3 server that imitates a provider's bad day: SlowDown, some refused keys, answers
 * that come late or not at all. Signatures stay valid, because the Host header passes unchanged.
 */
import { once } from 'node:events';
import {
  createServer,
  request as requestHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteObjectsCommand } from '@aws-sdk/client-s3';
import { connectS3, type S3Place } from '../local/connected-gitlab';

export interface S3Request {
  readonly method: string;
  /** Empty for requests to the bucket as a whole; one of several for a DeleteObjects. */
  readonly key: string;
  readonly isDeleteObjects: boolean;
  /** Those that a DeleteObjects names. */
  readonly keys: readonly string[];
}

/** An error that S3 answers; for a key of a DeleteObjects only the code counts. */
export interface S3Refusal {
  readonly status: number;
  readonly code: string;
  /** Sent instead of S3's XML: the answer of a server on the way, or of a broken server. */
  readonly body?: string;
}

/** Answers that look like success and do not answer the request. */
export const oddAnswers: readonly S3Refusal[] = [
  { status: 200, code: 'empty', body: '' },
  { status: 204, code: 'no content', body: '' },
  { status: 200, code: 'a page', body: '<html><body>login</body></html>' },
  {
    status: 200,
    code: 'no key',
    body: '<DeleteResult><Error><Code>AccessDenied</Code></Error></DeleteResult>',
  },
  { status: 200, code: 'cut off', body: '<DeleteResult><Deleted><Key>' },
];

export const slowDown: S3Refusal = { status: 503, code: 'SlowDown' };
export const internalError: S3Refusal = { status: 500, code: 'InternalError' };
export const accessDenied: S3Refusal = { status: 403, code: 'AccessDenied' };

export interface S3Faults {
  /** Answers a whole request; the server does not see it. */
  readonly refuse?: (request: S3Request) => S3Refusal | undefined;
  /** Answers for some keys of a DeleteObjects; the server deletes the others. */
  readonly refuseKey?: (key: string) => S3Refusal | undefined;
  /** Waits before the server is asked. */
  readonly delayMs?: number;
  /** The server carries out the request, and its answer is lost with the connection. */
  readonly loseAnswer?: (request: S3Request) => boolean;
}

export class S3Front {
  /** Requests since the last `plan`, and how many of them were faulted. */
  readonly counts = { requests: 0, faults: 0 };
  private faults: S3Faults = {};
  private readonly s3;
  private readonly upstream: URL;

  private constructor(
    private readonly server: Server,
    place: S3Place,
  ) {
    this.s3 = connectS3(place);
    this.upstream = new URL(place.addresses.s3.endpoint);
    server.on('request', (request, response) => {
      void this.serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(place: S3Place): Promise<S3Front> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new S3Front(server, place);
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** From now on; an empty plan ends all faults. */
  plan(faults: S3Faults): void {
    this.faults = faults;
    this.counts.requests = 0;
    this.counts.faults = 0;
  }

  async stop(): Promise<void> {
    this.s3.destroy();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { faults } = this;
    this.counts.requests += 1;
    const body = await bytesOf(request);
    const { bucket, asked } = parse(request, body);
    const refusal = faults.refuse?.(asked);
    if (refusal) {
      this.counts.faults += 1;
      answerError(request, response, refusal);
      return;
    }
    if (faults.delayMs !== undefined) {
      this.counts.faults += 1;
      await sleep(faults.delayMs);
    }
    if (asked.isDeleteObjects && faults.refuseKey) {
      await this.deleteSome(bucket, asked.keys, faults.refuseKey, response);
      return;
    }
    const isLost = faults.loseAnswer?.(asked) ?? false;
    if (isLost) this.counts.faults += 1;
    await this.forward(request, response, { body, isLost });
  }

  private async forward(
    request: IncomingMessage,
    response: ServerResponse,
    { body, isLost }: { body: Buffer; isLost: boolean },
  ): Promise<void> {
    const outgoing = requestHttp({
      host: this.upstream.hostname,
      port: this.upstream.port,
      method: request.method,
      path: request.url,
      headers: request.headers,
      agent: false,
    });
    outgoing.end(body);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    if (isLost) {
      await bytesOf(answer);
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  }

  /** The server gets a new request for the keys that are not refused: the original signature covers all. */
  private async deleteSome(
    bucket: string,
    keys: readonly string[],
    refuseKey: (key: string) => S3Refusal | undefined,
    response: ServerResponse,
  ): Promise<void> {
    const refused = keys.flatMap((key) => {
      const refusal = refuseKey(key);
      return refusal ? [{ key, code: refusal.code }] : [];
    });
    if (refused.length > 0) this.counts.faults += 1;
    const kept = new Set(refused.map(({ key }) => key));
    const going = keys.filter((key) => !kept.has(key));
    if (going.length > 0) {
      const Delete = { Objects: going.map((Key) => ({ Key })), Quiet: true };
      await this.s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete }));
    }
    const errors = refused.map(
      ({ key, code }) => `<Error><Key>${escapeXml(key)}</Key><Code>${code}</Code></Error>`,
    );
    const deleted = going.map((key) => `<Deleted><Key>${escapeXml(key)}</Key></Deleted>`);
    const all = [...deleted, ...errors].join('');
    answerXml(response, 200, `<DeleteResult>${all}</DeleteResult>`);
  }
}

async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Buckets are in the path: the pipeline is configured to use path style. */
function parse(request: IncomingMessage, body: Buffer): { bucket: string; asked: S3Request } {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://s3');
  const [bucket = '', ...parts] = pathname.slice(1).split('/');
  const method = request.method ?? 'GET';
  const key = decodeURIComponent(parts.join('/'));
  const isDeleteObjects = method === 'POST' && searchParams.has('delete');
  const keys = isDeleteObjects ? keysOf(body.toString('utf8')) : [];
  return { bucket, asked: { method, key, isDeleteObjects, keys } };
}

const keysOf = (xml: string): string[] =>
  [...xml.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => unescapeXml(key));

function answerError(
  request: IncomingMessage,
  response: ServerResponse,
  { status, code, body }: S3Refusal,
): void {
  const text = `<Error><Code>${code}</Code><Message>planned by a test</Message></Error>`;
  if (request.method === 'HEAD') response.writeHead(status).end();
  else if (body !== undefined) response.writeHead(status).end(body);
  else answerXml(response, status, text);
}

function answerXml(response: ServerResponse, status: number, text: string): void {
  response
    .writeHead(status, { 'content-type': 'application/xml' })
    .end(`<?xml version="1.0" encoding="UTF-8"?>\n${text}`);
}

const entities: readonly (readonly [string, string])[] = [
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
];

const escapeXml = (text: string): string =>
  entities.reduce((escaped, [plain, entity]) => escaped.replaceAll(plain, entity), text);
const unescapeXml = (text: string): string =>
  entities.toReversed().reduce((plain, [one, entity]) => plain.replaceAll(entity, one), text);
