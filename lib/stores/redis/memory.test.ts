import { parseMemory } from './memory';

const info = (fields: string): string => `# Memory\r\n${fields}\r\nmaxmemory_policy:noeviction\r\n`;

test('what counts against the limit is what is used without the buffers of replicas', () => {
  expect(
    parseMemory(
      info(
        'used_memory:4629512\r\nused_memory_rss:9\r\nmaxmemory:4082702\r\nmem_not_counted_for_evict:1000',
      ),
    ),
  ).toEqual({ usedBytes: 4_628_512, maxBytes: 4_082_702 });
});

test('0 is no limit, and a server that does not say what it uses says nothing', () => {
  expect(parseMemory(info('used_memory:10\r\nmaxmemory:0'))).toEqual({
    usedBytes: 10,
    maxBytes: null,
  });
  expect(() => parseMemory(info('used_memory_rss:9'))).toThrow(/does not say how much memory/);
});
