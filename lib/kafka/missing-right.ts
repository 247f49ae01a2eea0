/**
 * Names the right that Kafka refuses. kafkajs reports `Topic authorization failed` without the topic, the operation or
 * the principal; and a topic that the principal may not describe is on no list, as if it did not exist.
 */
import type { Kafka } from 'kafkajs';

type KafkaOperation =
  'READ' | 'WRITE' | 'CREATE' | 'DELETE' | 'DESCRIBE' | 'DESCRIBE_CONFIGS' | 'ALTER';

type KafkaResource = 'topic' | 'group' | 'cluster';

/** What a request needs, in Kafka's words. */
export interface Need {
  readonly operation: KafkaOperation;
  readonly resource: KafkaResource;
  /** More than one when Kafka does not name the refused one. */
  readonly names: readonly string[];
}

export class MissingRightError extends Error {
  override readonly name = 'MissingRightError';

  constructor(
    readonly principal: string,
    readonly need: Need,
    /** Kafka's name of the refusal. */
    readonly type: string,
    cause?: unknown,
  ) {
    const { operation, resource, names } = need;
    const what = `${operation} on the ${resource} ${names.join(' or ')}`;
    super(
      `Kafka refuses ${principal} ${what}: grant User:${principal} that right ` +
        '(docs/runbooks/on-your-gitlab.md, section 4, has all of them).',
      { cause },
    );
  }
}

/** Kafka's name for a connection without a login. */
const nobody = 'ANONYMOUS';
const principals = new WeakMap<Kafka, string>();

export function rememberPrincipal(kafka: Kafka, username: string | undefined): void {
  if (username !== undefined) principals.set(kafka, username);
}

export const principalOf = (kafka: Kafka): string => principals.get(kafka) ?? nobody;

const refusals: Readonly<Record<string, KafkaResource>> = {
  TOPIC_AUTHORIZATION_FAILED: 'topic',
  GROUP_AUTHORIZATION_FAILED: 'group',
  CLUSTER_AUTHORIZATION_FAILED: 'cluster',
};

interface Refusal {
  readonly type: string;
  /** Where kafkajs names the refused one of several. */
  readonly topic?: string;
}

/** Kafka's refusal somewhere in the error, its causes, or the errors that it collects; else null. */
function refusalIn(error: unknown): Refusal | null {
  if (!(error instanceof Error)) return null;
  const { type = '', topic } = error as Partial<Refusal>;
  if (type in refusals) return topic === undefined ? { type } : { type, topic };
  const { errors = [] } = error as { errors?: readonly unknown[] };
  for (const inner of [error.cause, ...errors]) {
    const found = refusalIn(inner);
    if (found !== null) return found;
  }
  return null;
}

/** @returns an error that names the right; any other error unchanged. */
export function nameRefusal(principal: string, error: unknown, needs: readonly Need[]): unknown {
  const refusal = error instanceof MissingRightError ? null : refusalIn(error);
  const need = refusal && needs.find(({ resource }) => resource === refusals[refusal.type]);
  if (!refusal || !need) return error;
  const names = refusal.topic === undefined ? need.names : [refusal.topic];
  return new MissingRightError(principal, { ...need, names }, refusal.type, error);
}

/** @throws MissingRightError where Kafka refuses one of the needs; any other error unchanged. */
export async function needing<T>(
  principal: string,
  needs: readonly Need[],
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw nameRefusal(principal, error, needs);
  }
}

export const topicNeed = (operation: KafkaOperation, ...names: string[]): Need => ({
  operation,
  resource: 'topic',
  names,
});

export const groupNeed = (operation: KafkaOperation, name: string): Need => ({
  operation,
  resource: 'group',
  names: [name],
});
