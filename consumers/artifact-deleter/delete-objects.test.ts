import { BrakeError } from '../../lib/brake/brake';
import { artifactObjectKey } from '../../lib/gitlab/object-key';
import { S3Error } from '../../lib/stores/s3/errors';
import { artifact, deleter, record, stored } from '../../test/support/memory/artifact-deletion';

const artifacts = Array.from({ length: 40 }, (_, index) => artifact(index + 1));
const keys = artifacts.map((one) => artifactObjectKey(one)!);
const unfit = new S3Error('DeleteObjects is refused', 'unfit', 'InvalidRequest', 400, undefined);

test('no row goes while S3 refuses deletions as a whole', async () => {
  const stores = stored(artifacts);
  stores.objects.broken = unfit;
  await expect(deleter(stores).handle(record(artifacts))).rejects.toBe(unfit);
  expect([stores.rows.rows.size, stores.objects.keys.size]).toEqual([40, 40]);
});

test('a row whose key no request can name stays alone, and is named', async () => {
  const stores = stored(artifacts);
  stores.objects.unsendable.add(keys[6]!);
  const { handle, lines } = deleter(stores);
  await handle(record(artifacts));
  expect([...stores.rows.rows.keys()]).toEqual([7]);
  expect([...stores.objects.keys]).toEqual([keys[6]]);
  expect(lines.at(-1)).toMatchObject({ event: 'artifacts.unusable-key', ids: [7] });
});

describe('keys that S3 has trouble with after an answer that was lost', () => {
  /** All objects are gone, and S3 answers InternalError for each of them. */
  function troubled() {
    const stores = stored(artifacts);
    stores.objects.keys.clear();
    for (const key of keys) stores.objects.refused.set(key, 'InternalError');
    return stores;
  }

  test('are settled when they are not there, and the bucket is proven afterwards', async () => {
    const calls: string[] = [];
    const stores = troubled();
    const { headObject } = stores.objects;
    stores.objects.headObject = (key) => {
      calls.push('look');
      return headObject.call(stores.objects, key);
    };
    const proveBucket = () => Promise.resolve(void calls.push('prove'));
    const { handle } = deleter(stores, { proveBucket });
    expect(await handle(record(artifacts))).toEqual([{ kind: 'done' }]);
    expect(calls).toEqual([...keys.map(() => 'look'), 'prove']);
  });

  test('are not settled in a bucket that is another one by now', async () => {
    const wrong = new BrakeError('Wrong bucket');
    const { handle } = deleter(troubled(), { proveBucket: () => Promise.reject(wrong) });
    await expect(handle(record(artifacts))).rejects.toBe(wrong);
  });

  test('are not settled when the bucket cannot be proven', async () => {
    const { handle } = deleter(troubled(), { proveBucket: () => Promise.reject(unfit) });
    expect(await handle(record(artifacts))).toMatchObject([{ kind: 'retry' }]);
  });

  test('come again when they are there, and not all of them are looked for', async () => {
    const stores = troubled();
    for (const key of keys) stores.objects.keys.add(key);
    let looked = 0;
    stores.objects.headObject = () => {
      looked += 1;
      return Promise.resolve({});
    };
    const { handle } = deleter(stores);
    expect(await handle(record(artifacts))).toMatchObject([{ kind: 'retry' }]);
    expect(looked).toBe(16);
  });
});
