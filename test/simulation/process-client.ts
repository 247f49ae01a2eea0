/** A client of a simulated process, and what the checks and the faults need of it. */
import type { ConsumerClient, Position } from '../../lib/kafka/client-port';

export interface ProcessClient extends ConsumerClient {
  /** The positions that the client reported last, by partition. */
  readonly told: ReadonlyMap<string, Position>;
  readonly memberId: string | null;
  /** Commits can be expected to work. */
  readonly isSettled: boolean;
  /** The drain before the rejoin is over. */
  onDrained: (startedAtMs: number) => void;
  /** Something kept commits from working as they should. */
  noteTrouble(): void;
  troubledSince(ms: number): boolean;
  /** When that was sent which the group has answered last; Infinity for a client without a lease. */
  readonly provedAtMs: number;
  /** Since when commits have failed for another reason than a rebalance; Infinity when the last one did not. */
  readonly refusedSinceMs: number;
  /** What kafkajs does after an error that it does not know: it begins anew by itself. */
  crash(): void;
  /** An error after which it does not begin anew. */
  failForGood(): void;
}
