/** The common interface of the servers of the local stack: an address, and the verbs configure, start, ready, stop. */
import type { ServerFiles } from '../fetch/fetch';
import type { OsUser } from './os-user';
import type { Ports } from './ports';

/** In the order in which they are stopped: Connect before the broker, or it waits for it most of a minute. */
export const serverNames = [
  'kafkaUi',
  'connect',
  'registry',
  'kafka',
  'kafka2',
  'kafka3',
  'postgres',
  'redis',
  'objectStorage',
] as const;

export type ServerName = (typeof serverNames)[number];

const brokerNames = ['kafka', 'kafka2', 'kafka3'] as const;
export type BrokerName = (typeof brokerNames)[number];
/** Brokers that only a stack of three has. */
export type FurtherBrokerName = Exclude<BrokerName, 'kafka'>;

/** The kind of Kafka of the stack. */
export interface StackShape {
  readonly brokers: 1 | 3;
  /** SCRAM over TLS, and a principal may do only what it was granted (kafka-rights.ts). */
  readonly isSecure: boolean;
}

export const plainShape: StackShape = { brokers: 1, isSecure: false };

/** The whole configuration of a server; recorded, so that another process can start it again. */
export interface Place {
  readonly dataDir: string;
  readonly postgresDir: string;
  /** The user of PostgreSQL when we are root. */
  readonly databaseUser?: OsUser | undefined;
  readonly files: ServerFiles;
  readonly ports: Ports;
  /** Left out: one broker, without a login, for this machine. */
  readonly shape?: StackShape | undefined;
  /** The folder of kafka-viewer; left out: no Kafka UI (kafka-ui.ts). */
  readonly kafkaUi?: string | undefined;
}

export const shapeOf = (place: Pick<Place, 'shape'>): StackShape => place.shape ?? plainShape;

export const brokersOf = (place: Pick<Place, 'shape'>): readonly BrokerName[] =>
  brokerNames.slice(0, shapeOf(place).brokers);

/** The servers of such a stack, in the order in which they are stopped. */
export function serversOf(place: Pick<Place, 'shape' | 'kafkaUi'>): readonly ServerName[] {
  const brokers: readonly string[] = brokersOf(place);
  const others: readonly string[] = brokerNames.filter((name) => !brokers.includes(name));
  const hasUi = place.kafkaUi !== undefined;
  return serverNames.filter((name) => !others.includes(name) && (hasUi || name !== 'kafkaUi'));
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** Added to PATH, HOME and the like; secrets go here or into files, never into `args`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: OsUser | undefined;
}

export interface Server {
  readonly title: string;
  /** Writes its configuration and makes its folders; run before every start. `signal` ends its commands. */
  configure(place: Place, signal?: AbortSignal): Promise<void>;
  start(place: Place): Command;
  /** One attempt, of 3 seconds at most: does it work yet? */
  ready(place: Place): Promise<boolean>;
  readonly stop: { readonly signal: NodeJS.Signals; readonly graceMs: number };
}

/** @returns whether the address answers with that status, or with any if none is given. */
export async function answersHttp(url: string, status?: number): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    await answer.arrayBuffer();
    return status === undefined || answer.status === status;
  } catch {
    return false;
  }
}
