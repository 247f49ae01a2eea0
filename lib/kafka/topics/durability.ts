/**
 * On how many brokers a record is stored when a producer gets its acknowledgement. "All replicas" are those in sync at
 * that moment: never fewer than `min.insync.replicas`, whose default is one.
 */

export interface Durability {
  /** Copies of each partition that is created. */
  readonly replicas: number;
  /** So many brokers must store a record before it counts as written. */
  readonly minInsyncReplicas: number;
}

const replicasDefault = 3;

/**
 * When left out: three copies, or as many as there are brokers; two of three must store a record. With two brokers one
 * must be enough, or the outage of either would stop everything.
 */
export function durabilityOf(
  brokers: number,
  said: {
    readonly replicationFactor?: number | undefined;
    readonly minInsyncReplicas?: number | undefined;
  },
): Durability {
  const replicas = said.replicationFactor ?? Math.min(replicasDefault, brokers);
  const minInsyncReplicas = said.minInsyncReplicas ?? (replicas >= replicasDefault ? 2 : 1);
  return { replicas, minInsyncReplicas: Math.min(replicas, minInsyncReplicas) };
}

export const creationSettings = ({ minInsyncReplicas }: Durability): Record<string, string> => ({
  'min.insync.replicas': String(minInsyncReplicas),
});

interface Existing {
  readonly replicas: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** How many replicas an acknowledgement may mean. */
export const acknowledgedBy = (replicas: number, minInsyncReplicas: number): number =>
  Math.min(replicas, Math.max(1, minInsyncReplicas));

/** @returns sentences, none when the topic is as safe as the configuration demands. */
export function ackProblems(topic: string, existing: Existing, wanted: Durability): string[] {
  const { replicas, settings } = existing;
  const inSync = Number(settings['min.insync.replicas'] ?? 1);
  if (inSync > replicas) {
    return [
      `${topic}: nothing can be written, for min.insync.replicas is ${inSync} and there are ${replicas} ` +
        'replicas: lower it, or add replicas (kafka-reassign-partitions).',
    ];
  }
  const meant = acknowledgedBy(replicas, inSync);
  if (meant >= wanted.minInsyncReplicas) return [];
  const sentence = `${topic}: "all replicas have it" may mean ${meant}: `;
  const accept = 'or accept it with KAFKA_MIN_INSYNC_REPLICAS';
  if (replicas < wanted.minInsyncReplicas) {
    const few = `it has ${replicas} replicas, add some (kafka-reassign-partitions)`;
    return [`${sentence}${few}, ${accept}=${replicas}.`];
  }
  const raise = `set min.insync.replicas to ${wanted.minInsyncReplicas}; it is ${inSync}`;
  return [`${sentence}${raise}, ${accept}=${inSync}.`];
}
