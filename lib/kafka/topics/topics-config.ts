/** Settings of the commands that need the list of topics: lib/process/config.ts knows no topic. */
import { z } from 'zod';
import { connectionSchema, schemasSchema } from '../../process/config';
import { partitionCounts } from './partition-counts';

/** Settings of `afterbuild topics`. */
export const topicsSchema = connectionSchema
  .pick({
    AFTERBUILD_NAMESPACE: true,
    LOG_LEVEL: true,
    KAFKA_BROKERS: true,
    KAFKA_TLS_CA_FILE: true,
    KAFKA_SASL_MECHANISM: true,
    CLEAR_TEXT_PASSWORDS: true,
    KAFKA_SASL_USERNAME: true,
    KAFKA_SASL_PASSWORD_FILE: true,
  })
  .extend({
    KAFKA_REPLICATION_FACTOR: z.coerce.number().int().min(1).max(9).optional(),
    KAFKA_MIN_INSYNC_REPLICAS: z.coerce.number().int().min(1).max(9).optional(),
    TOPIC_PARTITIONS: partitionCounts,
  });

/** Settings of `afterbuild dlq show`, which decodes values; its siblings need Kafka only. */
export const deadLettersSchema = topicsSchema.extend(schemasSchema.shape);
