/** The S3 server of the test's stack, as a client and as the folder that it serves. */
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { currentStack, readFile } from './stack';

export function connectS3(): S3Client {
  const { s3 } = currentStack().addresses;
  return new S3Client({
    endpoint: s3.endpoint,
    region: s3.region,
    forcePathStyle: true,
    credentials: {
      accessKeyId: readFile(s3.accessKeyIdFile),
      secretAccessKey: readFile(s3.secretAccessKeyFile),
    },
  });
}

/** versitygw keeps the objects of a bucket as plain files below this folder. */
export function bucketFolder(bucket: string): string {
  return join(currentStack().dataDir, 'objects', bucket);
}
