/** An HTTP server that answers each deletion, or each request, by a script, and remembers the requests. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Sent unchanged. */
export interface RawAnswer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** SlowDown for the whole request; or an answer key by key, with a reason for each that fails; or unchanged. */
export type ScriptedAnswer = 'slow-down' | Readonly<Record<string, string>> | RawAnswer;

const xml = '<?xml version="1.0" encoding="UTF-8"?>';

export const deletedXml = (
  keys: readonly string[],
  reasons: Readonly<Record<string, string>> = {},
) =>
  `${xml}<DeleteResult>${keys
    .map((key) => {
      const code = reasons[key];
      return code === undefined
        ? `<Deleted><Key>${key}</Key></Deleted>`
        : `<Error><Key>${key}</Key><Code>${code}</Code></Error>`;
    })
    .join('')}</DeleteResult>`;

function rawOf(answer: ScriptedAnswer, keys: readonly string[]): RawAnswer {
  if (answer === 'slow-down') {
    return { status: 503, body: `${xml}<Error><Code>SlowDown</Code></Error>` };
  }
  return isRaw(answer) ? answer : { status: 200, body: deletedXml(keys, answer) };
}

const isRaw = (answer: Exclude<ScriptedAnswer, 'slow-down'>): answer is RawAnswer =>
  typeof answer.status === 'number';

/** @param answers in the order of the requests; after them everything succeeds. */
export async function startScriptedS3(answers: readonly ScriptedAnswer[]) {
  /** The keys of each DeleteObjects; of each other request its method and path. */
  const asked: string[][] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const keys = keysOf(Buffer.concat(parts).toString());
      const answer = answers[asked.length] ?? (isDeleteObjects(request) ? {} : { status: 204 });
      asked.push(isDeleteObjects(request) ? keys : [`${request.method} ${request.url}`]);
      const { status, body, headers } = rawOf(answer, keys);
      response.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { endpoint: `http://127.0.0.1:${port}`, asked, stop };
}

const keysOf = (body: string): string[] =>
  [...body.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key ?? '');

const isDeleteObjects = ({ method, url }: IncomingMessage): boolean =>
  method === 'POST' && new URL(url ?? '/', 'http://s3').searchParams.has('delete');

/** For `S3Objects` and `S3Traces` in front of it. */
export const scriptedSettings = (endpoint: string) => ({
  endpoint,
  region: 'us-east-1',
  bucket: 'bucket',
  prefix: 'all/',
  credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
  forcePathStyle: true,
  connectionsMax: 4,
  connectTimeoutMs: 2_000,
  requestTimeoutMs: 30_000,
});
