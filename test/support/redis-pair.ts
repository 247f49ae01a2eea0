/** Two Redis servers of a test's own behind one address, as a failover moves it from one to the other. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { OwnRedis } from './own-redis';

export class RedisPair {
  readonly #sockets = new Set<Socket>();
  readonly #front = createServer((socket) => this.#join(socket));
  readonly first = new OwnRedis();
  readonly second = new OwnRedis();
  /** Where the next connection leads; those that are open stay where they are. */
  leadsTo = this.first;

  async start(): Promise<void> {
    await this.first.start();
    await this.second.start();
    this.#front.listen(0, '127.0.0.1');
    await once(this.#front, 'listening');
  }

  /** The one address. */
  get port(): number {
    return (this.#front.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#front.close();
    for (const one of [this.first, this.second]) await one.stop();
  }

  #join(socket: Socket): void {
    const onward = connect(this.leadsTo.port, '127.0.0.1');
    for (const one of [socket, onward]) {
      this.#sockets.add(one);
      one.on('error', () => undefined);
      one.once('close', () => {
        this.#sockets.delete(one);
        socket.destroy();
        onward.destroy();
      });
    }
    socket.pipe(onward).pipe(socket);
  }
}
