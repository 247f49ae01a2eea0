import { EventEmitter } from 'node:events';
import { eventText, Viewers } from './viewers';

class FakeResponse extends EventEmitter {
  written = '';
  writableLength = 0;
  isCut = false;
  readonly heads: number[] = [];

  writeHead(status: number): this {
    this.heads.push(status);
    return this;
  }

  write(text: string): boolean {
    this.written += text;
    return true;
  }

  end(): this {
    return this;
  }

  destroy(): this {
    this.isCut = true;
    return this;
  }
}

const join = (viewers: Viewers) => {
  const response = new FakeResponse();
  const isIn = viewers.add(response as never, {}, eventText('state', { a: 1 }));
  return { response, isIn };
};

test('everybody gets the same text, and a line break in a value ends no event', () => {
  const viewers = new Viewers();
  const [one, two] = [join(viewers), join(viewers)];
  viewers.send(eventText('state', { name: 'a\n\nevent: forged' }));
  expect(one.response.written).toBe(two.response.written);
  expect(one.response.written.split('\n\n')).toHaveLength(4);
});

test('a viewer that takes nothing is cut off, and one that has left is not written to', () => {
  const viewers = new Viewers();
  const [slow, gone, good] = [join(viewers), join(viewers), join(viewers)];
  slow.response.writableLength = 3 * 1_024 * 1_024;
  gone.response.emit('close');
  const before = gone.response.written;
  viewers.send('data: x\n\n');
  expect([slow.response.isCut, viewers.count]).toEqual([true, 1]);
  expect(gone.response.written).toBe(before);
  expect(good.response.written).toContain('data: x');
});

test('there are at most a hundred', () => {
  const viewers = new Viewers();
  const all = Array.from({ length: 101 }, () => join(viewers));
  expect(all.filter(({ isIn }) => isIn)).toHaveLength(100);
  expect(all.at(-1)!.response.heads).toEqual([]);
});

test('a text of others of any length is cut, so that no viewer is cut off by it', () => {
  const text = eventText('state', { causes: ['x'.repeat(5_000_000)], recordsLeft: 7 });
  expect(text.length).toBeLessThan(1_000);
  expect(text).toContain('"recordsLeft":7');
});
