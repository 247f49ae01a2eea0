/** Checks the shape of replies: one of another shape than the command's proves nothing about the effect. */
import { RedisError } from './errors';

/** @param what the command, for the message. @throws RedisError. */
export function asInteger(reply: unknown, what: string): number {
  if (typeof reply === 'number' && Number.isSafeInteger(reply)) return reply;
  throw unlike(what, 'a whole number');
}

/** @throws RedisError for any other reply. */
export function asOneOf<T extends string | number | null>(
  reply: unknown,
  allowed: readonly T[],
  what: string,
): T {
  const found = allowed.find((one) => one === reply);
  if (found !== undefined) return found;
  throw unlike(what, allowed.map((one) => String(one ?? 'nil')).join(' or '));
}

/** @throws RedisError. */
export function asBytesOrNil(reply: unknown, what: string): Buffer | null {
  if (reply === null || Buffer.isBuffer(reply)) return reply;
  throw unlike(what, 'bytes or nil');
}

/** @throws RedisError when it is no list of that length. */
export function asList(reply: unknown, length: number, what: string): readonly unknown[] {
  if (Array.isArray(reply) && reply.length === length) return reply;
  throw unlike(what, `a list of ${length}`);
}

const unlike = (what: string, wanted: string): RedisError =>
  new RedisError(
    `Redis answers ${what} with something else than ${wanted}: nothing is known of what was done.`,
    false,
    undefined,
  );
