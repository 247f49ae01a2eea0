/**
 * Measures the raw limit of archiving: the same conditional PutObjects, from one process with the same SDK and as many
 * connections, and nothing else. It runs as a process of its own, like the archiver.
 *
 * Usage: raw-puts.js <objects> <bytes>, with the archiver's environment. Prints one JSON line.
 */
import { createHash } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { traceKey } from '../lib/gitlab/trace-key';
import { loadConfig, traceArchiverSchema } from '../lib/process/config';
import { createS3Client, s3Settings } from '../lib/stores/s3/objects';
import { traceBytes } from '../ops/gitlab/traces/trace-bytes';
import { percentile } from './report';

export interface RawPuts {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of this process, for all objects. */
  readonly cpuMs: number;
}

async function putAll(objects: number, sizeBytes: number): Promise<RawPuts> {
  const settings = s3Settings(loadConfig(traceArchiverSchema, process.env));
  const client = createS3Client(settings);
  const body = traceBytes(1, 0, sizeBytes);
  const checksum = createHash('sha256').update(body).digest('base64');
  const tookMs: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let buildId = ++next; buildId <= objects; buildId = ++next) {
      const startedMs = performance.now();
      await client.send(
        new PutObjectCommand({
          Bucket: settings.bucket,
          Key: traceKey({ partitionId: 100, buildId, projectId: 1 }),
          Body: body,
          ContentLength: body.length,
          ContentType: 'text/plain; charset=utf-8',
          ChecksumSHA256: checksum,
          IfNoneMatch: '*',
        }),
      );
      tookMs.push(performance.now() - startedMs);
    }
  };
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: settings.connectionsMax }, lane));
  const perSecond = (objects / (performance.now() - startedMs)) * 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  client.destroy();
  const cpuMs = (user + system) / 1_000;
  return { perSecond, p50Ms: percentile(tookMs, 0.5), p99Ms: percentile(tookMs, 0.99), cpuMs };
}

async function main(): Promise<void> {
  const [objects, sizeBytes] = process.argv.slice(2).map(Number) as [number, number];
  console.log(JSON.stringify(await putAll(objects, sizeBytes)));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
