/**
 * Archived traces and flushed chunks in the bucket: every write and every removal has a condition.
 *
 * The caller passes what it has seen (no object, or an ETag), and the store checks that at the moment of the write, so
 * that an uploader that was frozen cannot put old bytes over newer ones (docs/architecture.md, Archiving traces).
 */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { systemClock } from '../../process/clock';
import { isHeadNotFound, isNoSuchKey, nothingKnown, S3Error } from './errors';
import { askPaced } from './paced';
import { createS3Client, type S3Settings } from './objects';
import { RequestPace } from './request-pace';
import { doing, isNamed, readWhole, sendWithin } from './send';
import { checksumOfParts, verified } from './stored-checksum';

/** The condition at the moment of the write: no object, or the one with this ETag. */
export type WriteCondition = { readonly absent: true } | { readonly etag: string };

interface SeenObject {
  readonly etag: string;
  readonly sizeBytes: number;
  /** SHA-256 of the content in base64; of the parts' hashes, with `-<parts>`, after a multipart upload. */
  readonly checksum: string | null;
}

/** Undefined: the condition did not hold, and nothing was written. */
type Written = { readonly etag: string; readonly checksum: string } | undefined;

interface TraceUpload {
  /** Parts in their order, each of at least 5 MiB but the last. */
  part(bytes: Buffer): Promise<void>;
  complete(condition: WriteCondition): Promise<Written>;
  /** Never throws: the bucket's own rule for unfinished uploads removes what is left. */
  abort(): Promise<void>;
}

export class S3Traces {
  readonly #client: S3Client;
  readonly #settings: S3Settings;
  readonly #pace: RequestPace;
  #deletesOnCondition = false;

  constructor(settings: S3Settings) {
    this.#settings = settings;
    this.#client = createS3Client(settings);
    this.#pace = new RequestPace({ perSecondMax: settings.keysPerSecondMax });
  }

  /** Null when there is no such object. @throws S3Error when S3 does not answer that. */
  async head(key: string): Promise<SeenObject | null> {
    try {
      const answer = await this.#send('HeadObject', (abortSignal) =>
        this.#client.send(new HeadObjectCommand({ ...this.#at(key), ChecksumMode: 'ENABLED' }), {
          abortSignal,
        }),
      );
      const { ETag: etag, ContentLength: sizeBytes, ChecksumSHA256: checksum = null } = answer;
      if (isNamed(etag) && sizeBytes !== undefined) return { etag, sizeBytes, checksum };
      throw this.#nothingKnown('HeadObject', 'an answer without length or ETag');
    } catch (error) {
      if (isHeadNotFound(error)) return null;
      throw error;
    }
  }

  /**
   * Stores the whole object in one request, verified by the checksum in the answer.
   * @param sha256 of the body. @throws S3Error; the object may be there or not.
   */
  async put(
    key: string,
    body: Buffer,
    sha256: Buffer,
    condition: WriteCondition,
  ): Promise<Written> {
    const checksum = sha256.toString('base64');
    const put = new PutObjectCommand({
      ...this.#at(key),
      ...headersOf(condition),
      Body: body,
      ContentLength: body.length,
      ContentType: 'text/plain; charset=utf-8',
      ChecksumSHA256: checksum,
    });
    const answer = await this.#sendConditional('PutObject', (abortSignal) =>
      this.#client.send(put, { abortSignal }),
    );
    return answer && verified(answer, checksum, 'PutObject');
  }

  async upload(key: string): Promise<TraceUpload> {
    const { UploadId } = await this.#write('CreateMultipartUpload', (abortSignal) =>
      this.#client.send(
        new CreateMultipartUploadCommand({
          ...this.#at(key),
          ChecksumAlgorithm: 'SHA256',
          ContentType: 'text/plain; charset=utf-8',
        }),
        { abortSignal },
      ),
    );
    if (!isNamed(UploadId)) {
      throw this.#nothingKnown('CreateMultipartUpload', 'an answer without an upload id');
    }
    const target = { ...this.#at(key), UploadId };
    const parts: { PartNumber: number; ETag: string | undefined; ChecksumSHA256: string }[] = [];
    return {
      part: async (bytes) => {
        const ChecksumSHA256 = createHash('sha256').update(bytes).digest('base64');
        const PartNumber = parts.length + 1;
        const part = new UploadPartCommand({ ...target, PartNumber, Body: bytes, ChecksumSHA256 });
        const answer = await this.#write('UploadPart', (abortSignal) =>
          this.#client.send(part, { abortSignal }),
        );
        const { etag } = verified(answer, ChecksumSHA256, 'UploadPart');
        parts.push({ PartNumber, ETag: etag, ChecksumSHA256 });
      },
      complete: async (condition) => {
        const complete = new CompleteMultipartUploadCommand({
          ...target,
          ...headersOf(condition),
          MultipartUpload: { Parts: parts },
        });
        const answer = await this.#sendConditional('CompleteMultipartUpload', (abortSignal) =>
          this.#client.send(complete, { abortSignal }),
        );
        const whole = checksumOfParts(parts.map(({ ChecksumSHA256 }) => ChecksumSHA256));
        return answer && verified(answer, whole, 'CompleteMultipartUpload');
      },
      abort: async () => {
        await this.#send('AbortMultipartUpload', (abortSignal) =>
          this.#client.send(new AbortMultipartUploadCommand(target), { abortSignal }),
        ).catch(() => undefined);
      },
    };
  }

  /** A small object as a whole, or one byte more than `bytesMax` of it; null when it is not there. */
  async read(
    key: string,
    bytesMax: number,
  ): Promise<{ readonly bytes: Buffer; readonly etag: string } | null> {
    try {
      const whole = await this.#send('GetObject', async (abortSignal) => {
        const answer = await this.#client.send(new GetObjectCommand(this.#at(key)), {
          abortSignal,
        });
        const { ETag: etag, ContentLength: sizeBytes } = answer;
        if (!isNamed(etag) || sizeBytes === undefined || sizeBytes > bytesMax) {
          await answer.Body?.transformToWebStream().cancel();
          if (isNamed(etag) && sizeBytes !== undefined) return { bytes: null, etag };
          throw this.#nothingKnown('GetObject', 'an answer without length or ETag');
        }
        return { bytes: await readWhole(answer.Body, sizeBytes), etag };
      });
      const { etag } = whole;
      const bytes = whole.bytes ?? (await this.readRange(key, etag, 0, bytesMax + 1));
      return bytes === undefined ? null : { bytes, etag };
    } catch (error) {
      if (isNoSuchKey(error)) return null;
      throw error;
    }
  }

  /**
   * @param lengthBytes all of them within the object.
   * @returns undefined when the object does not have that ETag any more.
   */
  async readRange(
    key: string,
    etag: string,
    fromByte: number,
    lengthBytes: number,
  ): Promise<Buffer | undefined> {
    const get = new GetObjectCommand({
      ...this.#at(key),
      IfMatch: etag,
      Range: `bytes=${fromByte}-${fromByte + lengthBytes - 1}`,
    });
    return this.#sendConditional('GetObject', async (abortSignal) => {
      const answer = await this.#client.send(get, { abortSignal });
      // A server without support for ranges answers with the whole object.
      const says = answer.ContentRange ?? 'bytes 0-';
      if (answer.ETag !== etag || !says.startsWith(`bytes ${fromByte}-`)) {
        await answer.Body?.transformToWebStream().cancel();
        throw this.#nothingKnown('GetObject', 'another object or range than was asked for');
      }
      return readWhole(answer.Body, lengthBytes);
    });
  }

  /**
   * Removes the object if it still has that ETag; a missing one counts as removed.
   * @returns false when another object has taken its place.
   */
  async removeIf(key: string, etag: string): Promise<boolean> {
    if (!this.#deletesOnCondition) {
      const seen = await this.head(key);
      if (seen === null) return true;
      if (seen.etag !== etag) return false;
    }
    const remove = new DeleteObjectCommand({
      ...this.#at(key),
      ...(this.#deletesOnCondition ? { IfMatch: etag } : {}),
    });
    const answer = await this.#sendConditional(
      'DeleteObject',
      async (abortSignal) => {
        const { $metadata } = await this.#client.send(remove, { abortSignal });
        if ($metadata.httpStatusCode === 204) return true;
        throw this.#nothingKnown('DeleteObject', `HTTP ${$metadata.httpStatusCode}, not 204`);
      },
      true,
    );
    return answer ?? false;
  }

  /**
   * Finds out, with an object that may be deleted, whether the server checks If-Match of a delete by itself; not all
   * do. If so, a delete needs no check before it from then on.
   */
  async learnConditionalDelete(key: string): Promise<void> {
    const IfMatch = '"00000000000000000000000000000000"';
    const remove = new DeleteObjectCommand({ ...this.#at(key), IfMatch });
    const isRefused = await this.#sendConditional('DeleteObject', async (abortSignal) => {
      await this.#client.send(remove, { abortSignal });
      return false;
    }).then(
      (sent) => sent === undefined,
      () => false,
    );
    this.#deletesOnCondition = isRefused && (await this.head(key)) !== null;
  }

  /** What the other instance has learnt about the same server. */
  deletesLike(other: S3Traces): void {
    this.#deletesOnCondition = other.#deletesOnCondition;
  }

  close(): void {
    this.#client.destroy();
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#settings.bucket, Key: this.#settings.prefix + key };
  }

  /** @param whenAbsent the result for a missing object; undefined: the condition failed. */
  async #sendConditional<T>(
    request: string,
    send: (signal: AbortSignal) => Promise<T>,
    whenAbsent?: T,
  ): Promise<T | undefined> {
    try {
      return await (request === 'GetObject'
        ? this.#send(request, send)
        : this.#write(request, send));
    } catch (error) {
      if (isNoSuchKey(error)) return whenAbsent;
      if (isConditionFailed(error)) return undefined;
      throw error;
    }
  }

  /** One attempt, in its turn; a provider counts a write as a key. @throws S3Error, SlowDown too. */
  #write<T>(request: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return askPaced(this.#pace, systemClock, () => this.#send(request, send));
  }

  #send<T>(request: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const what = doing(request, this.#settings.bucket);
    return sendWithin(this.#settings.requestTimeoutMs, what, send);
  }

  #nothingKnown(request: string, got: string): S3Error {
    return nothingKnown(doing(request, this.#settings.bucket), got);
  }
}

const headersOf = (condition: WriteCondition): { IfNoneMatch: '*' } | { IfMatch: string } =>
  'absent' in condition ? { IfNoneMatch: '*' } : { IfMatch: condition.etag };

/** Also a write that collided with another one (409): what the caller has seen is outdated. */
const isConditionFailed = (error: unknown): boolean =>
  error instanceof S3Error && (error.httpStatus === 412 || error.httpStatus === 409);
