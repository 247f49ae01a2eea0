/** A server that accepts every connection and never answers, and a port without a listener. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface SilentServer {
  readonly port: number;
  readonly refusingPort: number;
  /** Resolves at the first connection. */
  nextConnection(): Promise<void>;
  close(): void;
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });

export async function startSilentServer(): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).resume());
  });
  const port = await listen(server);
  const other = createServer();
  const refusingPort = await listen(other);
  await new Promise((resolve) => other.close(resolve));
  return {
    port,
    refusingPort,
    nextConnection: () => new Promise((resolve) => server.once('connection', () => resolve())),
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
