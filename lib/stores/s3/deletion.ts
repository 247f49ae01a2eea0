/**
 * Deletes objects: many in one request where their keys allow that, and each counts as deleted only when S3 says so.
 */
import { DeleteObjectCommand, DeleteObjectsCommand, type S3Client } from '@aws-sdk/client-s3';
import { systemClock } from '../../process/clock';
import { readDeleteAnswer } from './delete-answer';
import { deleteInParts } from './delete-in-parts';
import { concernsEveryRequest, isNoSuchKey, nothingKnown, S3Error } from './errors';
import { keySending } from './key-sending';
import { assertDeleted, LastDeletion, refusedAsSuch } from './last-deletion';
import { deletePaced, type FailedKey } from './paced';
import { RequestPace } from './request-pace';
import { deletionTestKeys } from './self-test-keys';
import { doing, sendWithin } from './send';

/** What one DeleteObjects request may hold. */
const deleteKeysMax = 1_000;
/** Well below the deadline of a micro-batch; the caller repeats keys that are still refused by then. */
const slowDownLimitMs = 30_000;

/** As `S3Settings` has them. */
interface DeletionSettings {
  readonly bucket: string;
  readonly prefix: string;
  readonly requestTimeoutMs: number;
  readonly keysPerSecondMax?: number | undefined;
}

/** Used by `S3Objects`, which documents each method. */
export class S3Deletion {
  readonly #client: S3Client;
  readonly #settings: DeletionSettings;
  readonly #pace: RequestPace;
  readonly #lastDeletion = new LastDeletion(() => this.probe());

  constructor(client: S3Client, settings: DeletionSettings) {
    this.#client = client;
    this.#settings = settings;
    this.#pace = new RequestPace({ perSecondMax: settings.keysPerSecondMax });
  }

  canDelete(key: string): boolean {
    return keySending(this.#settings.prefix + key) !== 'never';
  }

  async deleteObjects(keys: readonly string[]): Promise<readonly FailedKey[]> {
    if (keys.length === 0) return [];
    if (keys.length > deleteKeysMax) throw new RangeError('deleteObjects: over 1,000 keys');
    const failed = await deletePaced(
      keys.map((key) => this.#settings.prefix + key),
      {
        pace: this.#pace,
        clock: systemClock,
        limitMs: slowDownLimitMs,
        ask: (left) =>
          deleteInParts(left, {
            together: (some) => this.#deleteTogether(some),
            alone: (key) => this.#deleteAlone(key),
            probe: () => this.probe(),
          }),
      },
    );
    return failed.map(({ key, code }) => ({ key: this.#withoutPrefix(key), code }));
  }

  assertDeletes(): Promise<void> {
    return this.#lastDeletion.assertDeletes();
  }

  async probe(): Promise<void> {
    const keys = deletionTestKeys.map((key) => this.#settings.prefix + key);
    try {
      assertDeleted(await this.#deleteTogether(keys), this.#doing('DeleteObjects'));
    } catch (error) {
      throw error instanceof S3Error ? refusedAsSuch(error) : error;
    }
  }

  #deleteTogether(keys: readonly string[]): Promise<readonly FailedKey[]> {
    return this.#lastDeletion.watch(keys.length, async () => {
      const Delete = { Objects: keys.map((Key) => ({ Key })), Quiet: false };
      const command = new DeleteObjectsCommand({ Bucket: this.#settings.bucket, Delete });
      const answer = await this.#send('DeleteObjects', (abortSignal) =>
        this.#client.send(command, { abortSignal }),
      );
      return readDeleteAnswer(keys, answer, this.#doing('DeleteObjects'));
    });
  }

  /** @returns why not, when S3 refuses this key. */
  async #deleteAlone(key: string): Promise<string | undefined> {
    const command = new DeleteObjectCommand({ Bucket: this.#settings.bucket, Key: key });
    try {
      const { $metadata } = await this.#send('DeleteObject', (abortSignal) =>
        this.#client.send(command, { abortSignal }),
      );
      const status = $metadata.httpStatusCode;
      if (status === 204) return undefined;
      throw nothingKnown(this.#doing('DeleteObject'), `HTTP ${status} instead of 204`);
    } catch (error) {
      if (isNoSuchKey(error)) return undefined;
      if (!(error instanceof S3Error) || concernsEveryRequest(error)) throw error;
      return error.code;
    }
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
