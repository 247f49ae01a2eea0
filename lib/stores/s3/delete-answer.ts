/** Reads the answer to a DeleteObjects request. Pure. */
import { incompleteAnswer, nothingKnown } from './errors';
import type { FailedKey } from './paced';

interface DeleteAnswer {
  readonly Deleted?: readonly { readonly Key?: string | undefined }[] | undefined;
  readonly Errors?:
    | readonly { readonly Key?: string | undefined; readonly Code?: string | undefined }[]
    | undefined;
}

/**
 * It counts only when it is an answer to this request: it lists every key as deleted or failed, and no other key. A key
 * that is not listed does not count as deleted, so the request asks for all of them (no quiet mode).
 *
 * @returns the keys that were not deleted, with S3's reason.
 * @throws S3Error when nothing is known: of none of the keys, or (IncompleteAnswer) not of all.
 */
export function readDeleteAnswer(
  asked: readonly string[],
  { Deleted = [], Errors = [] }: DeleteAnswer,
  doing: string,
): readonly FailedKey[] {
  const open = new Set(asked);
  const settle = (key: string | undefined): string => {
    if (key !== undefined && open.delete(key)) return key;
    // A key that is listed twice is unknown, too: as deleted and as not, or for another request.
    throw nothingKnown(doing, 'an answer for a key that was not asked for, or for one twice');
  };
  const failed = Errors.map(({ Key, Code = 'Unknown' }) => ({ key: settle(Key), code: Code }));
  for (const { Key } of Deleted) settle(Key);
  if (open.size === 0) return failed.filter(({ code }) => code !== 'NoSuchKey');
  const accounted = asked.length - open.size;
  const got = `an answer for ${accounted} of ${asked.length} keys`;
  throw nothingKnown(doing, got, undefined, accounted > 0 ? incompleteAnswer : undefined);
}
