/**
 * Claim: a provider's limit is found without configuration, used to nine tenths, at 1.2 requests for each needed one.
 *
 * Four workers delete a thousand keys at a time from a server that grants 3,500 a second and answers SlowDown above,
 * through the same adapter as the deleter. Reports how many keys were granted and how many were requested.
 */
import { S3Objects } from '../lib/stores/s3/objects';
import type { Report } from './report';
import { startNullS3 } from './start-null-s3';

const perSecond = 3_500;
const requestKeys = 1_000;
const workers = 4;

export async function measurePace(report: Report, seconds: number): Promise<void> {
  const s3 = await startNullS3('bench=yes', { keysPerSecond: perSecond });
  const objects = new S3Objects({
    endpoint: s3.endpoint,
    region: 'us-east-1',
    bucket: 'bench',
    prefix: '',
    credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
    forcePathStyle: true,
    connectionsMax: 16,
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 30_000,
  });
  const keys = Array.from({ length: requestKeys }, (_, index) => `ab/cd/${index}/artifacts.zip`);
  const startedAt = performance.now();
  const isOver = (): boolean => performance.now() - startedAt > seconds * 1_000;
  const work = async (): Promise<void> => {
    while (!isOver()) await objects.deleteObjects(keys);
  };
  await Promise.all(Array.from({ length: workers }, work));
  const elapsedSeconds = (performance.now() - startedAt) / 1_000;
  const { requests, keys: granted, slowDowns } = await s3.counts();
  // The server grants a second's worth at the beginning.
  const goodput = granted / (perSecond * (elapsedSeconds + 1));
  report({
    case: 'pace',
    seconds: Math.round(elapsedSeconds),
    keysPerSecond: Math.round(granted / elapsedSeconds),
    goodput: Number(goodput.toFixed(3)),
    requests,
    slowDowns,
    requestsPerNeeded: Number((requests / (granted / requestKeys)).toFixed(3)),
  });
  objects.close();
  await s3.stop();
}
