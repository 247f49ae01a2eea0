/**
 * Keys on `afterbuild.control`: they name what a decision is about, so that a later decision or a tombstone replaces
 * it.
 */

/** Kinds are known from the key alone: a tombstone has no value. */
type ControlSubject =
  | { readonly kind: 'flag'; readonly process: string; readonly name: string }
  | { readonly kind: 'breaker'; readonly dependency: string; readonly owner: string };

export const flagKey = (process: string, name: string): string => `flag/${process}/${name}`;

/** @param owner `<process>/<instance>`. */
export const breakerKey = (dependency: string, owner: string): string =>
  `breaker/${dependency}/${owner}`;

/** @returns null for a key of another kind. */
export function subjectOf(key: string | null): ControlSubject | null {
  const [, kind, about = '', rest = ''] = /^(flag|breaker)\/([^/]+)\/(.+)$/.exec(key ?? '') ?? [];
  if (kind === 'flag') return { kind, process: about, name: rest };
  if (kind === 'breaker') return { kind, dependency: about, owner: rest };
  return null;
}
