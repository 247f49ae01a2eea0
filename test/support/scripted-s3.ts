/** An HTTP server that answers each DeleteObjects as it was told to, and remembers the keys of each. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The whole request is put off; or it is answered, with a reason for each key that fails. */
export type ScriptedAnswer = 'slow-down' | Readonly<Record<string, string>>;

const xml = '<?xml version="1.0" encoding="UTF-8"?>';

function bodyOf(answer: ScriptedAnswer): string {
  if (answer === 'slow-down') return `${xml}<Error><Code>SlowDown</Code></Error>`;
  const errors = Object.entries(answer).map(
    ([key, code]) => `<Error><Key>${key}</Key><Code>${code}</Code></Error>`,
  );
  return `${xml}<DeleteResult>${errors.join('')}</DeleteResult>`;
}

export async function startScriptedS3(answers: readonly ScriptedAnswer[]) {
  const asked: string[][] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const answer = answers[asked.length] ?? {};
      const body = Buffer.concat(parts).toString();
      asked.push([...body.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key ?? ''));
      const status = answer === 'slow-down' ? 503 : 200;
      response.writeHead(status, { 'content-type': 'application/xml' }).end(bodyOf(answer));
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
