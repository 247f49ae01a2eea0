import { MemoryTraceObjects } from '../../../test/support/memory/memory-traces';
import { ConfigError } from '../../process/config';
import { testConditionalWrites } from './self-test';
import type { WriteCondition } from './traces';

/** A server that ignores the condition of a write, for the given kinds of write. */
class CarelessObjects extends MemoryTraceObjects {
  constructor(private readonly ignores: 'absent' | 'etag' | 'parts' | 'nothing') {
    super();
  }

  learnConditionalDelete(): Promise<void> {
    return Promise.resolve();
  }

  override put(key: string, body: Buffer, sha256: Buffer, condition: WriteCondition) {
    const kind = 'absent' in condition ? 'absent' : 'etag';
    // Only the completion of a multipart upload comes without a checksum here.
    const isIgnored = this.ignores === (sha256.length === 0 ? 'parts' : kind);
    if (isIgnored) this.objects.delete(key);
    return super.put(key, body, sha256, isIgnored ? { absent: true } : condition);
  }
}

test('a server that keeps its conditions passes, and nothing is left there', async () => {
  const objects = new CarelessObjects('nothing');
  await testConditionalWrites(objects, 'S3 at here');
  expect(objects.objects.size).toBe(0);
});

test.each([
  ['absent', /^S3 at here ignores If-None-Match: /],
  ['etag', /^S3 at here ignores If-Match: /],
  ['parts', /^S3 at here ignores If-None-Match when a multipart upload is completed: /],
] as const)('a server that ignores the condition %s is refused', async (ignores, message) => {
  const objects = new CarelessObjects(ignores);
  const test = testConditionalWrites(objects, 'S3 at here');
  await expect(test).rejects.toThrow(message);
  await expect(test).rejects.toBeInstanceOf(ConfigError);
  expect(objects.objects.size).toBe(0);
});
