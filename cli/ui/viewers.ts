/** The browsers that follow the page by server-sent events: bounded in number, and none is waited for. */
import type { ServerResponse } from 'node:http';

type Response = Pick<
  ServerResponse,
  'write' | 'end' | 'once' | 'writableLength' | 'writeHead' | 'destroy'
>;

const viewersMax = 100;
/** A viewer that has not taken so many bytes is cut off; its browser connects again by itself. */
const waitingBytesMax = 2 * 1_024 * 1_024;

export const eventText = (name: string, value: unknown): string =>
  `event: ${name}\ndata: ${JSON.stringify(value, cut)}\n\n`;

/** Causes and reasons are others' texts, of any length: one would cut off every viewer (`waitingBytesMax`). */
const textMax = 500;
const cut = (_key: string, value: unknown): unknown =>
  typeof value === 'string' && value.length > textMax ? `${value.slice(0, textMax)}…` : value;

export class Viewers {
  readonly #all = new Set<Response>();

  get count(): number {
    return this.#all.size;
  }

  /** @returns false when there are too many. */
  add(response: Response, headers: Readonly<Record<string, string>>, first: string): boolean {
    if (this.#all.size >= viewersMax) return false;
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // A proxy must not collect the events.
      'x-accel-buffering': 'no',
    });
    response.write(`retry: 2000\n\n${first}`);
    this.#all.add(response);
    response.once('close', () => this.#all.delete(response));
    return true;
  }

  /** @param text made once for all viewers. */
  send(text: string): void {
    for (const one of this.#all) {
      if (one.writableLength > waitingBytesMax) {
        this.#all.delete(one);
        one.destroy();
      } else one.write(text);
    }
  }

  close(): void {
    for (const one of this.#all) one.end();
    this.#all.clear();
  }
}
