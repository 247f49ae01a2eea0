/** A client of a simulated process, with the observations that checks and faults need. */
import type { ConsumerClient, Position } from '../../lib/kafka/client-port';

export interface ProcessClient extends ConsumerClient {
  /** The positions that the client reported last, by partition. */
  readonly knownPositions: ReadonlyMap<string, Position>;
  readonly memberId: string | null;
  /** Commits can be expected to work. */
  readonly isSettled: boolean;
  /** The drain before the rejoin is over. */
  onDrained: (startedAtMs: number) => void;
  /** Something prevented commits from working normally. */
  noteTrouble(): void;
  troubledSince(ms: number): boolean;
  /** When the request was sent that the group answered last; Infinity for a client without a lease. */
  readonly provedAtMs: number;
  /** Since when commits have failed for another reason than a rebalance; Infinity when the last one did not. */
  readonly refusedSinceMs: number;
  /** The reaction of kafkajs to an unknown error: it begins anew by itself. */
  crash(): void;
  /** An error after which it does not begin anew. */
  failForGood(): void;
}
