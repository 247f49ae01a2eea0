import { parseMemory } from './memory';

const info = (fields: string): string => `# Memory\r\n${fields}\r\nmaxmemory_policy:noeviction\r\n`;

test('what counts against the limit is what is used without the buffers of replicas', () => {
  expect(
    parseMemory(
      info(
        'used_memory:4629512\r\nused_memory_rss:9\r\nmaxmemory:4082702\r\nmem_not_counted_for_evict:1000',
      ),
    ),
  ).toEqual({ usedBytes: 4_628_512, maxBytes: 4_082_702, evicts: false });
});

test('any other policy than noeviction drops keys', () => {
  const said = '# Memory\r\nused_memory:10\r\nmaxmemory:5\r\nmaxmemory_policy:volatile-lru\r\n';
  expect(parseMemory(said)).toEqual({ usedBytes: 10, maxBytes: 5, evicts: true });
});

test('0 is no limit, and a server that does not say what it uses says nothing', () => {
  expect(parseMemory(info('used_memory:10\r\nmaxmemory:0'))).toEqual({
    usedBytes: 10,
    maxBytes: null,
    evicts: false,
  });
  expect(() => parseMemory(info('used_memory_rss:9'))).toThrow(/does not say how much memory/);
});
