/**
 * Whether S3 deletes, by its last answer: rows are deleted before their objects, so none may be while the last deletion
 * was refused as a whole, or got no valid answer.
 */
import { isPassing, isSlowDown, S3Error } from './errors';
import type { FailedKey } from './paced';

export class LastDeletion {
  readonly #probe: () => Promise<void>;
  #isDoubted = false;
  #probing: Promise<void> | undefined;

  /** @param probe asks for the deletion of keys of our own, by way of `watch`. */
  constructor(probe: () => Promise<void>) {
    this.#probe = probe;
  }

  /** Watches the result of a request for so many keys, and does not change it. */
  async watch(
    keys: number,
    request: () => Promise<readonly FailedKey[]>,
  ): Promise<readonly FailedKey[]> {
    try {
      const failed = await request();
      this.#isDoubted = failed.length === keys && !failed.some(({ code }) => isPassing(code));
      return failed;
    } catch (error) {
      const isPutOff = error instanceof S3Error && isSlowDown(error.code, error.httpStatus);
      if (!isPutOff) this.#isDoubted = true;
      throw error;
    }
  }

  /** Asks S3 only in doubt, and once for all waiting callers. @throws S3Error while it does not delete. */
  async assertDeletes(): Promise<void> {
    if (!this.#isDoubted) return;
    this.#probing ??= this.#probe().finally(() => (this.#probing = undefined));
    await this.#probing;
  }
}

/** Interprets the answer to a deletion of our own keys. @throws S3Error when nothing can be deleted. */
export function assertDeleted(failed: readonly FailedKey[], doing: string): void {
  const refused = failed.find(({ code }) => !isPassing(code));
  if (!refused) return;
  const message = `S3, ${doing}: ${refused.code} for a key of our own (${refused.key}): nothing can be deleted. Give the credentials the right to delete objects.`;
  throw new S3Error(message, 'unfit', refused.code, undefined, undefined);
}

/** A refusal that our own keys have got as well. */
export function refusedAsSuch(error: S3Error): S3Error {
  if (error.failure !== 'refused') return error;
  const message = `${error.message} (for keys of our own as well: the server or something before it refuses this call). Nothing is deleted until it answers it.`;
  return new S3Error(message, 'unfit', error.code, error.httpStatus, error);
}
