/** SlowDown over the network: how the driver reports it, and how many requests are really sent. */
import { S3Objects } from '../../lib/stores/s3/objects';
import {
  scriptedSettings,
  startScriptedS3,
  type ScriptedAnswer,
} from '../support/memory/scripted-s3';

async function deleteFrom(answers: readonly ScriptedAnswer[], keys: readonly string[]) {
  const s3 = await startScriptedS3(answers);
  const objects = new S3Objects(scriptedSettings(s3.endpoint));
  try {
    const failed = await objects.deleteObjects(keys);
    return { failed, asked: s3.asked };
  } finally {
    objects.close();
    await s3.stop();
  }
}

test('a request that was put off is sent once more, and the driver sends none of its own', async () => {
  const { failed, asked } = await deleteFrom(['slow-down', {}], ['a', 'b']);
  expect(failed).toEqual([]);
  expect(asked).toEqual([
    ['all/a', 'all/b'],
    ['all/a', 'all/b'],
  ]);
});

test('of a request that was granted in part only the keys with SlowDown are requested again', async () => {
  const answer = { 'all/b': 'SlowDown', 'all/c': 'AccessDenied' };
  const { failed, asked } = await deleteFrom([answer, { 'all/b': 'SlowDown' }], ['a', 'b', 'c']);
  expect(failed).toEqual([{ key: 'c', code: 'AccessDenied' }]);
  expect(asked).toEqual([['all/a', 'all/b', 'all/c'], ['all/b'], ['all/b']]);
});
