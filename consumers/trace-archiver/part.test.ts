import { Part, partBytes } from './part';

const bytesOf = (length: number, first = 0): Buffer =>
  Buffer.from(Array.from({ length }, (_, index) => (first + index) % 251));

test('one piece is passed on as it came, without a copy', () => {
  const part = new Part(10);
  const only = bytesOf(10);
  expect(part.fill(only)).toHaveLength(0);
  expect(part.bytes.buffer).toBe(only.buffer);
  expect(part.bytes).toEqual(only);
});

test.each([0, 5, 100])(
  'pieces follow each other, also beyond the expected %i bytes',
  (expected) => {
    const part = new Part(expected);
    for (let at = 0; at < 60; at += 20) expect(part.fill(bytesOf(20, at))).toHaveLength(0);
    expect(part.bytes).toEqual(bytesOf(60));
  },
);

test('what has no room comes back, and the memory is used again', () => {
  const part = new Part(10 * partBytes);
  const piece = Buffer.alloc(partBytes / 2 + 1, 'a');
  expect(part.fill(piece)).toHaveLength(0);
  const rest = part.fill(Buffer.alloc(partBytes / 2 + 1, 'b'));
  expect([rest.length, part.bytes.length]).toEqual([2, partBytes]);
  const memory = part.bytes.buffer;
  part.clear();
  expect(part.fill(rest)).toHaveLength(0);
  expect(part.bytes.toString()).toBe('bb');
  expect(part.bytes.buffer).toBe(memory);
});

test('nothing is no bytes', () => {
  expect(new Part(0).bytes).toHaveLength(0);
});
