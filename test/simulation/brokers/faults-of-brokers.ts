/** The faults of brokers. */
import type { BrokersPlan } from './brokers';

export const brokerFaultKinds = [
  'coordinator moves',
  'coordinator moves onto a frozen broker',
  'broker dies',
  'broker freezes',
  'every broker dies',
  'leader moves',
  'commits refused',
  'answers lost',
  'coordinator moves, joins fail',
  'fetches bring nothing',
] as const;

export type BrokerFaultKind = (typeof brokerFaultKinds)[number];

export interface BrokerFault {
  readonly kind: BrokerFaultKind;
  readonly atMs: number;
  readonly forMs: number;
  readonly node: number;
  /** Which of the existing partitions. */
  readonly pick: number;
}

export interface SeveralBrokers extends BrokersPlan {
  readonly faults: readonly BrokerFault[];
  /** In the quiet phase one stays unavailable for good: the clients have to cope without it. */
  readonly staysAway: 'dies' | 'freezes' | null;
}
