/** GitLab's access to the artifacts bucket: it stores, reads, lists and removes objects over S3. */
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  NotFound,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';

export interface NewObject {
  /** As in the database: without the bucket's prefix. */
  readonly key: string;
  readonly body: Buffer;
}

export interface ListedObject {
  readonly key: string;
  readonly sizeBytes: number;
}

/** Puts many objects into the bucket; resolves when every one of them can be read. */
export interface ObjectLoader {
  load(objects: readonly NewObject[]): Promise<void>;
}

/** What the small GitLab needs of the bucket. */
export interface GitlabObjects extends ObjectLoader {
  /** Undefined when there is no such object. */
  read(key: string): Promise<Buffer | undefined>;
  exists(key: string): Promise<boolean>;
  /** No error for a missing key. */
  remove(keys: readonly string[]): Promise<void>;
  /** The whole bucket below the prefix, in pages of 1,000. */
  list(): AsyncGenerator<readonly ListedObject[]>;
}

const requestMs = 30_000;
const limit = () => ({ abortSignal: AbortSignal.timeout(requestMs) });
const putsInFlight = 16;
const keysPerRequest = 1_000;

/** Runs the work for every item, at most `width` at a time; the first failure stops it. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const queue = items.values();
  const lane = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
}

/** Sends one request, and may repeat it: repeating any of them is harmless. */
export type Repeating = <T>(request: () => Promise<T>) => Promise<T>;

export class S3GitlabObjects implements GitlabObjects {
  /**
   * @param prefix of all keys in the bucket, empty or ending with a slash.
   * @param repeating by default nothing is repeated beyond the client's own retries.
   */
  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
    private readonly prefix = '',
    private readonly repeating: Repeating = (request) => request(),
  ) {}

  async load(objects: readonly NewObject[]): Promise<void> {
    await inParallel(objects, putsInFlight, ({ key, body }) =>
      this.repeating(() =>
        this.client.send(
          new PutObjectCommand({ Bucket: this.bucket, Key: this.prefix + key, Body: body }),
          limit(),
        ),
      ),
    );
  }

  async read(key: string): Promise<Buffer | undefined> {
    try {
      return await this.repeating(async () => {
        const wanted = { Bucket: this.bucket, Key: this.prefix + key };
        const answer = await this.client.send(new GetObjectCommand(wanted), limit());
        return Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
      });
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }

  async exists(key: string): Promise<boolean> {
    try {
      const wanted = { Bucket: this.bucket, Key: this.prefix + key };
      await this.repeating(() => this.client.send(new HeadObjectCommand(wanted), limit()));
      return true;
    } catch (error) {
      if (error instanceof NotFound) return false;
      throw error;
    }
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (let start = 0; start < keys.length; start += keysPerRequest) {
      const page = keys.slice(start, start + keysPerRequest);
      const Delete = { Objects: page.map((key) => ({ Key: this.prefix + key })), Quiet: true };
      const command = () => new DeleteObjectsCommand({ Bucket: this.bucket, Delete });
      const answer = await this.repeating(() => this.client.send(command(), limit()));
      const failed = answer.Errors?.[0];
      if (failed) throw new Error(`The object ${failed.Key ?? ''} was not removed: ${failed.Code}`);
    }
  }

  async *list(): AsyncGenerator<readonly ListedObject[]> {
    let after: string | undefined;
    do {
      const wanted = { Bucket: this.bucket, Prefix: this.prefix, ContinuationToken: after };
      const page = await this.repeating(() =>
        this.client.send(new ListObjectsV2Command(wanted), limit()),
      );
      yield (page.Contents ?? []).map(({ Key = '', Size = 0 }) => ({
        key: Key.slice(this.prefix.length),
        sizeBytes: Size,
      }));
      after = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (after !== undefined);
  }
}
