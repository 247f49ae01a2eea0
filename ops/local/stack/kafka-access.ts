/** The logins of a secure Kafka of the local stack: users, passwords and the certificate. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { quietRequestQueue } from '../../../lib/kafka/kafkajs/quiet-request-queue';
import { writeFileAtomically } from './data-folder';
import { principals, type Principal } from './kafka-rights';
import { brokersOf, shapeOf, type Place } from './server';

/** `admin` may do everything and is the brokers' own name; the rights of the others are in kafka-rights.ts. */
export type Login = 'admin' | Principal;

export const logins: readonly Login[] = ['admin', ...principals];

export const kafkaPasswordFile = (dataDir: string, login: Login): string =>
  join(dataDir, 'secrets', `kafka-${login}`);

export const kafkaPassword = (dataDir: string, login: Login): string =>
  readFileSync(kafkaPasswordFile(dataDir, login), 'utf8').trim();

/** Authority, certificate and their password (kafka-tls.ts). */
export const tlsFolder = (dataDir: string): string => join(dataDir, 'secrets', 'kafka-tls');

/** Certificate of the authority that has signed the brokers'. */
export const authorityFile = (dataDir: string): string => join(tlsFolder(dataDir), 'authority.pem');

/** Makes the passwords that are missing; they stay the same ever after. */
export function ensureKafkaPasswords(dataDir: string): void {
  mkdirSync(join(dataDir, 'secrets'), { recursive: true });
  for (const login of logins) {
    const path = kafkaPasswordFile(dataDir, login);
    if (!existsSync(path)) writeFileAtomically(path, `${randomBytes(20).toString('hex')}\n`, 0o600);
  }
}

export const kafkaAddresses = (place: Pick<Place, 'ports' | 'shape'>): string =>
  brokersOf(place)
    .map((name) => `127.0.0.1:${place.ports[name]}`)
    .join(',');

/**
 * The super user's client, by default for one check, with short time limits. @param brokers `host:port`s, separated by
 * commas.
 */
export function localKafka(
  place: Place,
  { brokers = kafkaAddresses(place), retries = 0, requestMs = 2_000 } = {},
): Kafka {
  quietRequestQueue();
  const { dataDir } = place;
  return new Kafka({
    clientId: 'afterbuild-local',
    brokers: brokers.split(','),
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: requestMs,
    retry: { retries },
    ...(shapeOf(place).isSecure && {
      ssl: { ca: [readFileSync(authorityFile(dataDir), 'utf8')] },
      sasl: {
        mechanism: 'scram-sha-512',
        username: 'admin',
        password: kafkaPassword(dataDir, 'admin'),
      },
    }),
  });
}

/** Settings of a Java client; they contain a password, so the file must be readable for its owner only. */
export function javaClientSettings(
  place: Place,
  login: Login,
  prefix = '',
): Readonly<Record<string, string>> {
  if (!shapeOf(place).isSecure) return {};
  return {
    [`${prefix}security.protocol`]: 'SASL_SSL',
    [`${prefix}sasl.mechanism`]: 'SCRAM-SHA-512',
    [`${prefix}sasl.jaas.config`]: scramLogin(login, kafkaPassword(place.dataDir, login)),
    [`${prefix}ssl.truststore.type`]: 'PEM',
    [`${prefix}ssl.truststore.location`]: authorityFile(place.dataDir),
  };
}

export const scramLogin = (login: Login, password: string): string =>
  `org.apache.kafka.common.security.scram.ScramLoginModule required username="${login}" password="${password}";`;

export const asProperties = (settings: Readonly<Record<string, string>>): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
