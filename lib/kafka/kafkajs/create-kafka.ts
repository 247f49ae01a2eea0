/** Makes the kafkajs client that consumers, producers and admin share: TLS, SASL, zstd, logging. */
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { gzip, unzip, zstdCompress, zstdDecompress } from 'node:zlib';
import {
  CompressionCodecs,
  CompressionTypes,
  Kafka,
  logLevel,
  type Consumer,
  type ConsumerConfig,
  type KafkaConfig,
  type Producer,
  type ProducerConfig,
} from 'kafkajs';
import { refuseClearText } from '../../process/clear-text';
import { readSecret, ConfigError, type Connections } from '../../process/config';
import type { Logger } from '../../process/logger';
import { boundHeaders } from './bounded-headers';
import { createClientLog } from './client-log';
import { rememberPrincipal } from '../missing-right';
import { quietRequestQueue } from './quiet-request-queue';
import { repairConnections } from './repair-connections';

/** What `createKafka` makes: consumers, producers and admins come from it. */
export type KafkaClient = Kafka;

export type KafkaConnections = Pick<
  Connections,
  | 'KAFKA_BROKERS'
  | 'KAFKA_TLS_CA_FILE'
  | 'KAFKA_SASL_MECHANISM'
  | 'KAFKA_SASL_USERNAME'
  | 'KAFKA_SASL_PASSWORD_FILE'
> &
  Partial<Pick<Connections, 'KAFKA_METADATA_MAX_AGE_MS' | 'CLEAR_TEXT_PASSWORDS'>>;

/** The five minutes of kafkajs are too long for a process that waits for added partitions. */
export const metadataMaxAgeDefaultMs = 30_000;

/**
 * Of one batch, decompressed: over ten times the size of a batch of ours, which has at most 1 MiB as sent (16 MiB of
 * failures).
 */
export const batchBytesMax = 64 * 1_024 * 1_024;
const bounded = { maxOutputLength: batchBytesMax };

type Compress = (bytes: Buffer) => Promise<Buffer>;
type Decompress = (bytes: Buffer, options: typeof bounded) => Promise<Buffer>;

const codec = (compress: Compress, decompress: Decompress) => () => ({
  compress: (encoder: { buffer: Buffer }) => compress(encoder.buffer),
  decompress: async (bytes: Buffer) => {
    try {
      return await decompress(bytes, bounded);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw error;
      throw new BatchTooLargeError(bytes.length, error);
    }
  },
});

/** Checked before memory is allocated: a few bytes may announce many. */
class BatchTooLargeError extends Error {
  override readonly name = 'BatchTooLargeError';

  constructor(sentBytes: number, cause: unknown) {
    super(
      `A batch of ${sentBytes} bytes comes to more than ${batchBytesMax} when it is decompressed: none of our producers writes such a one. Find who writes to the topic, and go over the batch (docs/failure-modes.md, "A group stands at a record").`,
      { cause },
    );
  }
}

/** kafkajs brings gzip only, without a bound; a batch in any other codec would crash a consumer. */
CompressionCodecs[CompressionTypes.GZIP] = codec(promisify(gzip), promisify(unzip));
CompressionCodecs[CompressionTypes.ZSTD] = codec(
  promisify(zstdCompress),
  promisify(zstdDecompress),
);

/**
 * @param clientId shows in the broker's logs and in user interfaces, for example `artifact-deleter`.
 * @throws ConfigError when a file that the settings name cannot be read, or SASL is half configured.
 */
export function createKafka(
  connections: KafkaConnections,
  clientId: string,
  logger: Logger,
): Kafka {
  quietRequestQueue();
  repairConnections();
  boundHeaders();
  const config: KafkaConfig = {
    clientId,
    brokers: connections.KAFKA_BROKERS,
    connectionTimeout: 3_000,
    authenticationTimeout: 5_000,
    requestTimeout: 15_000,
    logLevel: logLevel.INFO,
    logCreator: createClientLog(logger),
    ...tls(connections),
    ...sasl(connections),
  };
  const maxAgeMs = connections.KAFKA_METADATA_MAX_AGE_MS ?? metadataMaxAgeDefaultMs;
  const kafka = new FreshKafka(config, maxAgeMs);
  rememberPrincipal(kafka, connections.KAFKA_SASL_USERNAME);
  return kafka;
}

/** Every client made of it finds added partitions within one age of its metadata. An admin always reads it anew. */
class FreshKafka extends Kafka {
  readonly #metadataMaxAge: number;

  constructor(config: KafkaConfig, metadataMaxAge: number) {
    super(config);
    this.#metadataMaxAge = metadataMaxAge;
  }

  override consumer(config: ConsumerConfig): Consumer {
    return super.consumer({ metadataMaxAge: this.#metadataMaxAge, ...config });
  }

  override producer(config: ProducerConfig = {}): Producer {
    return super.producer({ metadataMaxAge: this.#metadataMaxAge, ...config });
  }
}

function tls({ KAFKA_TLS_CA_FILE: path }: KafkaConnections): Pick<KafkaConfig, 'ssl'> {
  if (path === undefined) return {};
  try {
    return { ssl: { ca: [readFileSync(path, 'utf8')] } };
  } catch (error) {
    throw new ConfigError(`KAFKA_TLS_CA_FILE: the file ${path} cannot be read.`, { cause: error });
  }
}

function sasl(connections: KafkaConnections): Pick<KafkaConfig, 'sasl'> {
  const {
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD_FILE: passwordFile,
  } = connections;
  if (mechanism === undefined) return {};
  if (username === undefined || passwordFile === undefined) {
    throw new ConfigError(
      'KAFKA_SASL_MECHANISM is set: KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD_FILE are needed too.',
    );
  }
  // PLAIN sends the password itself; the other mechanisms only prove that the client knows it.
  if (mechanism === 'plain' && connections.KAFKA_TLS_CA_FILE === undefined) {
    refuseClearText({
      passwords: connections.CLEAR_TEXT_PASSWORDS,
      hosts: connections.KAFKA_BROKERS.map((broker) => broker.slice(0, broker.lastIndexOf(':'))),
      why: 'KAFKA_SASL_MECHANISM is plain and there is no TLS',
      instead: 'Set KAFKA_TLS_CA_FILE, use SCRAM',
    });
  }
  const password = readSecret('KAFKA_SASL_PASSWORD_FILE', passwordFile);
  // One literal for each mechanism: the types of kafkajs do not take a union here.
  if (mechanism === 'plain') return { sasl: { mechanism, username, password } };
  if (mechanism === 'scram-sha-256') return { sasl: { mechanism, username, password } };
  return { sasl: { mechanism, username, password } };
}
