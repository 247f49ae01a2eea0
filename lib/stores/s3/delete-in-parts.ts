/**
 * Deletes keys of which one may make S3 refuse the whole request: a request that is refused, or answered in part, is
 * split in halves until that key is alone. It then gets a request of its own by its URL.
 */
import { concernsEveryRequest, incompleteAnswer, S3Error } from './errors';
import { keySending } from './key-sending';
import type { FailedKey } from './paced';

interface DeleteCalls {
  /** One DeleteObjects. @returns its failed keys. @throws S3Error when it is no answer for all of them. */
  readonly together: (keys: readonly string[]) => Promise<readonly FailedKey[]>;
  /** One DeleteObject. @returns S3's reason when it refuses. @throws S3Error when nothing is known. */
  readonly alone: (key: string) => Promise<string | undefined>;
  /** Whether DeleteObjects works for keys that cannot be at fault. @throws S3Error when it does not. */
  readonly probe: () => Promise<void>;
}

/** So many at once that a record's keys need not wait for each other. */
const aloneAtOnce = 8;

/**
 * @param keys as they are sent.
 * @returns the keys that were not deleted. @throws S3Error when the fate of some of them is unknown.
 */
export async function deleteInParts(
  keys: readonly string[],
  calls: DeleteCalls,
): Promise<readonly FailedKey[]> {
  const ways = Map.groupBy(keys, keySending);
  const together = ways.get('together') ?? [];
  const failed = together.length === 0 ? [] : await splitting(together, calls);
  return [...failed, ...(await eachAlone(ways.get('alone') ?? [], calls)), ...unsendable(ways)];
}

async function splitting(
  keys: readonly string[],
  calls: DeleteCalls,
  isProven = false,
): Promise<readonly FailedKey[]> {
  try {
    return await calls.together(keys);
  } catch (error) {
    if (!mayLieInAKey(error)) throw error;
    // When keys of our own are refused, too, the call itself is: splitting would only repeat it.
    if (!isProven) await calls.probe();
    if (keys.length === 1) return eachAlone(keys, calls);
    const middle = Math.ceil(keys.length / 2);
    const first = await splitting(keys.slice(0, middle), calls, true);
    return [...first, ...(await splitting(keys.slice(middle), calls, true))];
  }
}

async function eachAlone(
  keys: readonly string[],
  { alone }: DeleteCalls,
): Promise<readonly FailedKey[]> {
  const failed: FailedKey[] = [];
  const waiting = keys.values();
  const worker = async (): Promise<void> => {
    for (const key of waiting) {
      const code = await alone(key);
      if (code !== undefined) failed.push({ key, code });
    }
  };
  await Promise.all(Array.from({ length: Math.min(aloneAtOnce, keys.length) }, worker));
  return failed;
}

const unsendable = (ways: ReadonlyMap<string, readonly string[]>): readonly FailedKey[] =>
  (ways.get('never') ?? []).map((key) => ({ key, code: 'UnsendableKey' }));

const mayLieInAKey = (error: unknown): boolean =>
  error instanceof S3Error && (error.code === incompleteAnswer || !concernsEveryRequest(error));
