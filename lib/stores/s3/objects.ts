/**
 * The bucket that holds the artifacts: every call has a time limit and makes one attempt (the caller retries). Only
 * keys that S3 answered with SlowDown are requested again here, at the pace that it grants.
 */
import {
  GetBucketTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type Connections, readSecret } from '../../process/config';
import { S3Deletion } from './deletion';
import { errorCode, isHeadNotFound, nothingKnown } from './errors';
import { signKnownChecksum } from './known-checksum';
import type { FailedKey } from './paced';
import { doing, sendWithin } from './send';

export interface S3Settings {
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly bucket: string;
  /** Put before every key on the way in and taken off on the way out; empty or ending with a slash. */
  readonly prefix: string;
  /** Undefined leaves it to the SDK's own chain (a role of the machine). */
  readonly credentials:
    { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  readonly forcePathStyle: boolean;
  readonly connectionsMax: number;
  readonly connectTimeoutMs: number;
  /** For a whole request, its answer included. */
  readonly requestTimeoutMs: number;
  /** Limit of keys written or deleted a second under the prefix. Left out: S3's own limit. */
  readonly keysPerSecondMax?: number | undefined;
}

interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly lastModifiedMs: number;
}

type S3Variables = Pick<
  Connections,
  | 'S3_ENDPOINT'
  | 'S3_REGION'
  | 'S3_BUCKET'
  | 'S3_BUCKET_PREFIX'
  | 'S3_ACCESS_KEY_ID_FILE'
  | 'S3_SECRET_ACCESS_KEY_FILE'
  | 'S3_FORCE_PATH_STYLE'
  | 'S3_KEYS_PER_SECOND_MAX'
>;

const defaults = { connectionsMax: 16, connectTimeoutMs: 5_000, requestTimeoutMs: 30_000 };

/** @throws ConfigError when a file that the configuration names cannot be read. */
export function s3Settings(config: S3Variables, limits: Partial<typeof defaults> = {}): S3Settings {
  const { S3_ACCESS_KEY_ID_FILE: idFile, S3_SECRET_ACCESS_KEY_FILE: keyFile } = config;
  return {
    endpoint: config.S3_ENDPOINT,
    region: config.S3_REGION,
    bucket: config.S3_BUCKET,
    prefix: config.S3_BUCKET_PREFIX,
    credentials:
      idFile === undefined || keyFile === undefined
        ? undefined
        : {
            accessKeyId: readSecret('S3_ACCESS_KEY_ID_FILE', idFile),
            secretAccessKey: readSecret('S3_SECRET_ACCESS_KEY_FILE', keyFile),
          },
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
    keysPerSecondMax: config.S3_KEYS_PER_SECOND_MAX,
    ...defaults,
    ...limits,
  };
}

/** One attempt for each request: retries are up to the caller, who knows what may be repeated. */
export function createS3Client(settings: S3Settings): S3Client {
  const sockets = { keepAlive: true, maxSockets: settings.connectionsMax };
  const client = new S3Client({
    region: settings.region,
    forcePathStyle: settings.forcePathStyle,
    maxAttempts: 1,
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
    requestHandler: new NodeHttpHandler({
      connectionTimeout: settings.connectTimeoutMs,
      httpAgent: new HttpAgent(sockets),
      httpsAgent: new HttpsAgent(sockets),
    }),
  });
  client.middlewareStack.add(
    (next) => (args) => {
      signKnownChecksum(args.request);
      return next(args);
    },
    { step: 'build', name: 'signKnownChecksum' },
  );
  return client;
}

export class S3Objects {
  readonly #client: S3Client;
  readonly #settings: S3Settings;
  readonly #deletion: S3Deletion;

  constructor(settings: S3Settings) {
    this.#settings = settings;
    this.#client = createS3Client(settings);
    this.#deletion = new S3Deletion(this.#client, settings);
  }

  /** Whether a request can name this key at all. */
  canDelete(key: string): boolean {
    return this.#deletion.canDelete(key);
  }

  /**
   * Deletes up to 1,000 objects; one that does not exist counts as deleted. May wait until S3 grants it: only keys that
   * got SlowDown are requested again. A request that is refused as a whole is split.
   * @returns the keys that S3 did not delete, each with its reason.
   * @throws S3Error when nothing is known: any of the objects may be gone or not.
   */
  deleteObjects(keys: readonly string[]): Promise<readonly FailedKey[]> {
    return this.#deletion.deleteObjects(keys);
  }

  /**
   * Called before rows are deleted: asks S3 only when its last answer to a deletion was invalid, or refused all of it.
   * @throws S3Error while it does not delete.
   */
  assertDeletes(): Promise<void> {
    return this.#deletion.assertDeletes();
  }

  /** Deletes keys of our own that have no object. @throws S3Error when DeleteObjects does not work. */
  probeDeletion(): Promise<void> {
    return this.#deletion.probe();
  }

  /** All objects under the prefix in the order of their keys' bytes, a page in memory at a time. */
  async *listObjects(pageKeys = 1_000): AsyncGenerator<StoredObject, void, undefined> {
    let continuation: string | undefined;
    do {
      const from = continuation;
      const page = await this.#send('ListObjectsV2', (abortSignal) =>
        this.#client.send(
          new ListObjectsV2Command({
            Bucket: this.#settings.bucket,
            Prefix: this.#settings.prefix,
            MaxKeys: pageKeys,
            ...(from === undefined ? {} : { ContinuationToken: from }),
          }),
          { abortSignal },
        ),
      );
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        if (Key?.startsWith(this.#settings.prefix) !== true || Size === undefined) {
          throw nothingKnown(this.#doing('ListObjectsV2'), 'an entry without key or size');
        }
        yield {
          key: this.#withoutPrefix(Key),
          sizeBytes: Size,
          lastModifiedMs: LastModified?.getTime() ?? 0,
        };
      }
      continuation = nextPage(page, from, this.#doing('ListObjectsV2'));
    } while (continuation !== undefined);
  }

  /** Null when there is no such object. @throws S3Error when S3 does not answer that. */
  async headObject(key: string): Promise<{ readonly sizeBytes: number } | null> {
    try {
      const answer = await this.#send('HeadObject', (abortSignal) =>
        this.#client.send(
          new HeadObjectCommand({
            Bucket: this.#settings.bucket,
            Key: this.#settings.prefix + key,
          }),
          { abortSignal },
        ),
      );
      const { ContentLength: sizeBytes, ETag, $metadata } = answer;
      // Gateways that leave the ETag out (of files stored by other programs) still number their answers.
      const isOfS3 = (ETag ?? '') !== '' || ($metadata.requestId ?? '') !== '';
      if (sizeBytes !== undefined && isOfS3) return { sizeBytes };
      throw nothingKnown(
        this.#doing('HeadObject'),
        'an answer without length, or one that S3 did not give',
      );
    } catch (error) {
      if (isHeadNotFound(error)) return null;
      throw error;
    }
  }

  /** Empty when the bucket carries none. @throws S3Error, also for a bucket that does not exist. */
  async bucketTags(): Promise<ReadonlyMap<string, string>> {
    try {
      const answer = await this.#send('GetBucketTagging', (abortSignal) =>
        this.#client.send(new GetBucketTaggingCommand({ Bucket: this.#settings.bucket }), {
          abortSignal,
        }),
      );
      if (!answer.TagSet) {
        throw nothingKnown(this.#doing('GetBucketTagging'), 'an answer without a set of tags');
      }
      return new Map(answer.TagSet.map(({ Key, Value }) => [Key ?? '', Value ?? '']));
    } catch (error) {
      if (errorCode(error) === 'NoSuchTagSet') return new Map();
      throw error;
    }
  }

  close(): void {
    this.#client.destroy();
  }

  #send<T>(request: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return sendWithin(this.#settings.requestTimeoutMs, this.#doing(request), send);
  }

  #doing(request: string): string {
    return doing(request, this.#settings.bucket);
  }

  #withoutPrefix(key: string): string {
    return key.slice(this.#settings.prefix.length);
  }
}

/** @returns the token of the page that follows; undefined after the last one. */
function nextPage(
  page: {
    readonly IsTruncated?: boolean | undefined;
    readonly NextContinuationToken?: string | undefined;
  },
  previous: string | undefined,
  what: string,
): string | undefined {
  if (page.IsTruncated === false) return undefined;
  const next = page.NextContinuationToken;
  if (page.IsTruncated === true && next !== undefined && next !== '' && next !== previous) {
    return next;
  }
  throw nothingKnown(what, 'a page that says neither that it is the last nor which is next');
}
