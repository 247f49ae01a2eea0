/**
 * A replay as `afterbuild.control` holds it: what was begun, so that a new run goes on with the same range, and what an
 * operator in another terminal wants of it.
 *
 * Both are decisions of the kind `replay`, which other readers of the topic pass over. Two keys, because two write: the
 * run and the operator.
 */
import { z } from 'zod';
import type { Control } from '../../schemas/generated';
import { isProcessName, type ProcessName } from '../process/processes';

/** What `run`, `pause`, `resume` and `cancel` want of a replay. */
export type Wish = 'run' | 'pause' | 'cancel';

/** The name of the one replay of a process that needs none. */
export const onlyReplay = 'replay';

export interface ReplayName {
  readonly process: ProcessName;
  /** Lower case letters, digits and hyphens. */
  readonly name: string;
}

export interface ReplayDefinition extends ReplayName {
  /** As in `topics.ts`, without the namespace. */
  readonly topic: string;
  /** Of partition: from, to (not in it). */
  readonly ranges: readonly (readonly [partition: number, from: number, to: number])[];
  readonly key: string | null;
  readonly rate: number;
  readonly liveLagMax: number;
  /** An operator has said that rows are gone while their objects are there: the brake does not count them. */
  readonly absentRowsExpected: boolean;
}

/** With who decided it. */
interface Signed {
  readonly author: string;
  readonly reason: string;
  readonly atMs: number;
}

export interface KnownReplay extends Signed {
  readonly definition: ReplayDefinition;
  readonly wish: Signed & { readonly is: Wish };
}

const wishes: readonly Wish[] = ['run', 'pause', 'cancel'];
const offset = z.number().int().min(0);
const definitionSchema = z.object({
  topic: z.string().min(1),
  ranges: z.array(z.tuple([z.number().int().min(0), offset, offset])),
  key: z.string().nullable(),
  rate: z.number().positive(),
  liveLagMax: z.number().int().min(0),
  absentRowsExpected: z.boolean(),
});

export const replayKey = ({ process, name }: ReplayName): string => `replay/${process}/${name}`;
export const wishKey = (of: ReplayName): string => `${replayKey(of)}/wish`;

/** Full name of the group, without the namespace; its own progress is committed there. */
export const replayGroup = ({ process, name }: ReplayName): string =>
  name === onlyReplay ? `${process}.replay` : `${process}.replay.${name}`;

const decision = (process: ProcessName, name: string, value: string, by: Signed): Control => ({
  kind: 'replay',
  ...by,
  acceptedDatabase: null,
  flag: { process, name, value, expiresAtMs: null },
  breaker: null,
});

export function definitionRecord(definition: ReplayDefinition, by: Signed): Control {
  const { process, name, ...rest } = definition;
  return decision(process, name, JSON.stringify(rest), by);
}

export const wishRecord = ({ process, name }: ReplayName, wish: Wish, by: Signed): Control =>
  decision(process, name, wish, by);

/** The replays that are not over, collected from the topic in its order. */
export class KnownReplays {
  readonly #definitions = new Map<string, Signed & { readonly definition: ReplayDefinition }>();
  readonly #wishes = new Map<string, Signed & { readonly is: Wish }>();

  /** @param value null removes what is under the key. */
  learn(key: string, value: Control | null): void {
    const found = placeOf(key);
    if (!found) return;
    const { of, isWish } = found;
    const at = replayKey(of);
    (isWish ? this.#wishes : this.#definitions).delete(at);
    if (value?.kind !== 'replay' || !value.flag) return;
    const { author, reason, atMs } = value;
    const by = { author, reason, atMs };
    if (isWish) {
      const is = wishes.find((one) => one === value.flag?.value);
      if (is) this.#wishes.set(at, { ...by, is });
    } else {
      const definition = readDefinition(of, value.flag.value);
      if (definition) this.#definitions.set(at, { ...by, definition });
    }
  }

  get(of: ReplayName): KnownReplay | undefined {
    const known = this.#definitions.get(replayKey(of));
    if (!known) return undefined;
    const { author, reason, atMs } = known;
    const begun = { author, reason, atMs, is: 'run' } as const;
    return { ...known, wish: this.#wishes.get(replayKey(of)) ?? begun };
  }

  all(): KnownReplay[] {
    return [...this.#definitions.values()].flatMap(({ definition }) => this.get(definition) ?? []);
  }
}

/** @returns null for a key of another kind. */
function placeOf(key: string): { readonly of: ReplayName; readonly isWish: boolean } | null {
  const [, process = '', name = '', wish] = /^replay\/([^/]+)\/([^/]+)(\/wish)?$/.exec(key) ?? [];
  return isProcessName(process) ? { of: { process, name }, isWish: wish !== undefined } : null;
}

/** @returns null for text that no version of ours has written. */
function readDefinition(of: ReplayName, text: string): ReplayDefinition | null {
  try {
    return { ...of, ...definitionSchema.parse(JSON.parse(text)) };
  } catch {
    return null;
  }
}
