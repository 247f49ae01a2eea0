import { BrakeError } from '../../lib/brake/brake';
import { artifactObjectKey } from '../../lib/gitlab/object-key';
import { failureHeaders } from '../../lib/runtime/failure-headers';
import { S3Error } from '../../lib/stores/s3/errors';
import { artifact, deleter, record, stored } from '../../test/support/memory/artifact-deletion';
import type { ExpiredRecord } from './handler';

const kinds = (outcomes: readonly { kind: string }[]) => outcomes.map(({ kind }) => kind);

describe('too many absent ids', () => {
  const absent = (count: number, other: Partial<ExpiredRecord> = {}) =>
    Array.from({ length: count }, (_, index) => record([artifact(index + 1)], other));
  const storeAll = (stores: ReturnType<typeof stored>, records: readonly ExpiredRecord[]) => {
    for (const { value } of records) {
      stores.objects.keys.add(artifactObjectKey(value.artifacts[0]!)!);
    }
  };

  test('hold: no object goes that the rows do not prove', async () => {
    const stores = stored([artifact(500)]);
    const keys = absent(100).map(({ value }) => artifactObjectKey(value.artifacts[0]!)!);
    storeAll(stores, absent(100));
    const { handle, state } = deleter(stores);
    const outcomes = await handle(...absent(100), record([artifact(500)]));
    expect(outcomes[0]).toMatchObject({ kind: 'retry', error: expect.any(BrakeError) as Error });
    expect(outcomes[100]?.kind).toBe('done');
    expect([...stores.objects.keys].sort()).toEqual(keys.sort());
    expect(state.held).toMatch(/over 20 %/);
  });

  test('do not count when their objects are gone as well: another instance was faster', async () => {
    const { handle, state } = deleter(stored([]));
    await handle(...absent(150));
    expect(state.held).toBeUndefined();
  });

  test('count against a far wider limit when the records may have been handled before an assignment', async () => {
    const stores = stored([]);
    storeAll(stores, absent(150));
    const { handle, state } = deleter(stores);
    await handle(...absent(150, { maybeRepeated: true }));
    expect(state.held).toBeUndefined();
    const whole = Array.from({ length: 1_000 }, (_, index) => artifact(1_000 + index));
    for (const one of whole) stores.objects.keys.add(artifactObjectKey(one)!);
    stores.objects.deleteObjects = () => Promise.resolve([]);
    for (let times = 0; times < 50; times += 1) {
      await handle(record(whole, { maybeRepeated: true }));
    }
    expect(state.held).toMatch(/over 50 %/);
  });

  test.each<[string, Partial<ExpiredRecord>, string]>([
    ['by a second try', { attempt: 2 }, 'sweep'],
    ['by a replay', { headers: { replay: 'r1' } }, 'sweep'],
    ['by a redrive', { headers: { [failureHeaders.redriveId]: 'x' } }, 'sweep'],
    ['by a repair sweep', {}, 'repair'],
    [
      'by a retry topic',
      { topic: 'artifacts.expired.artifact-deleter.retry.30s', maybeRepeated: true },
      'sweep',
    ],
  ])('count against a wider limit when they are said %s', async (_, other, source) => {
    const again = absent(390, other).map((one) => ({ ...one, value: { ...one.value, source } }));
    const stores = stored([]);
    storeAll(stores, again);
    const { handle, state } = deleter(stores);
    for (const one of again.slice(0, 199)) await handle(one);
    expect(state.held).toBeUndefined();
    for (const one of again.slice(199)) await handle(one).catch(() => undefined);
    expect(state.held).toMatch(/over 50 %/);
    expect(stores.objects.keys.size).toBe(191);
    // Repeats records of artifacts that are gone, with their objects: a replay of finished work.
    const replay = deleter(stored([]));
    await replay.handle(...again);
    expect(replay.state.held).toBeUndefined();
  });

  test('hold at the first record of 1,000 whose objects are all there', async () => {
    const whole = Array.from({ length: 1_000 }, (_, index) => artifact(index + 1));
    const stores = stored(whole);
    stores.rows.rows.clear();
    const { handle, state } = deleter(stores);
    expect(kinds(await handle(record(whole)))).toEqual(['retry']);
    expect(state.held).toMatch(/^1000 of the 1000 artifacts/);
    expect(stores.objects.keys.size).toBe(1_000);
  });

  test('are not hidden behind objects that never were, nor behind rows that stay', async () => {
    const there = Array.from({ length: 400 }, (_, index) => artifact(2 * index + 1));
    const never = there.map(({ id }) => artifact(id + 1));
    const kept = Array.from({ length: 200 }, (_, index) => artifact(1_000 + index));
    const stores = stored([...there, ...kept], { locked: 1 });
    for (const { id } of there) stores.rows.rows.delete(id);
    let seed = 0.37;
    const random = () => (seed = (seed * 997) % 1);
    const { handle, state } = deleter(stores, { random });
    for (let at = 0; at < 400 && state.held === undefined; at += 4) {
      const mixed = [...there.slice(at, at + 4), ...never.slice(at, at + 4), ...kept];
      await handle(record(mixed.toSorted((a, b) => a.id - b.id)));
    }
    expect(state.held).toMatch(/over 20 %/);
  });

  test('are not measured while S3 is unavailable: the record comes again', async () => {
    const stores = stored([1, 2, 3].map((id) => artifact(id)));
    stores.rows.rows.clear();
    const away = new S3Error('S3 is away', 'unavailable', 'ECONNREFUSED', undefined, undefined);
    stores.objects.headObject = () => Promise.reject(away);
    const { handle, state } = deleter(stores);
    await expect(handle(...absent(150))).rejects.toThrow('S3 is away');
    expect(state.held).toBeUndefined();
    expect(stores.objects.keys.size).toBe(3);
  });

  test('do not count when they were deleted here', async () => {
    const many = Array.from({ length: 150 }, (_, index) => artifact(index + 1));
    const { handle, state } = deleter(stored(many));
    await handle(record(many));
    await handle(...absent(150));
    expect(state.held).toBeUndefined();
  });
});
