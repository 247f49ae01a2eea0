/** Chooses the exit code of a program from the error that ended it, however often that was wrapped. */
import { RegistryUnavailableError } from '../avro/registry';
import { BrakeError } from '../brake/brake';
import { ConnectUnavailableError } from '../connect/connect-client';
import { TopicsUnfitError } from '../kafka/topics/admin';
import { MissingRightError } from '../kafka/missing-right';
import { TopicGoneError } from '../kafka/client-port';
import { unledTypes } from '../kafka/topics/await-leaders';
import { PostgresError } from '../stores/postgres/errors';
import { RedisError } from '../stores/redis/errors';
import { S3Error } from '../stores/s3/errors';
import { ConfigError } from '../process/config';
import { exitCodes, type ExitCode } from '../process/exit-codes';
import { StalledError } from '../process/stalled-error';
import { UnreachableError } from '../process/unreachable-error';
import { isUntrusted } from '../process/untrusted';

const configurationErrors = [
  ConfigError,
  BrakeError,
  TopicsUnfitError,
  TopicGoneError,
  MissingRightError,
];
const unreachableErrors = [UnreachableError, ConnectUnavailableError, RegistryUnavailableError];

/** Of the first known error along the causes; `failed` when none is known. */
export function exitCodeOf(error: unknown): ExitCode {
  if (isUntrusted(error)) return exitCodes.configuration;
  for (let at = error; at instanceof Error; at = at.cause) {
    const code = knownCode(at);
    if (code !== undefined) return code;
  }
  return exitCodes.failed;
}

function knownCode(error: Error): ExitCode | undefined {
  if (error instanceof StalledError) return exitCodes.stalled;
  if (configurationErrors.some((kind) => error instanceof kind)) return exitCodes.configuration;
  if (unreachableErrors.some((kind) => error instanceof kind)) return exitCodes.unreachable;
  if (error instanceof PostgresError) return postgresCode(error);
  // A refusal of S3 (no such bucket, wrong keys), or a missing ability, lasts until a setting is changed.
  if (error instanceof S3Error) {
    return error.failure === 'unavailable' ? exitCodes.unreachable : exitCodes.configuration;
  }
  if (error instanceof RedisError) {
    return error.isRefusal ? exitCodes.configuration : exitCodes.unreachable;
  }
  return isKafkaAway(error) ? exitCodes.unreachable : undefined;
}

/** The classes of kafkajs carry their kind in the name only, a broker's refusal in the type. */
function isKafkaAway(error: Error): boolean {
  const { type = '' } = error as { type?: string };
  const { name } = error;
  return (
    /^KafkaJS(Connection|BrokerNotFound|RequestTimeout)/.test(name) || unledTypes.includes(type)
  );
}

/** A wrong password or database (class 28, 3D) or a missing privilege (42501) is a setting. */
function postgresCode(error: PostgresError): ExitCode {
  if (error.failure === 'unavailable') return exitCodes.unreachable;
  const isSetting = /^(28|3D)|^42501$/.test(error.sqlState ?? '');
  return isSetting ? exitCodes.configuration : exitCodes.failed;
}
