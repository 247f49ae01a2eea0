/** The registry that the environment names; every process and command opens it in this way. */
import { readSecret, type Connections } from '../process/config';
import { systemClock } from '../process/clock';
import { createRegistry, type Registry, type RegistryOptions } from './registry';

export type RegistryConnections = Pick<
  Connections,
  'SCHEMA_REGISTRY_URL' | 'SCHEMA_REGISTRY_USERNAME' | 'SCHEMA_REGISTRY_PASSWORD_FILE'
>;

/** @throws ConfigError when the password's file cannot be read. */
export function openRegistry(
  connections: RegistryConnections,
  limits: Pick<RegistryOptions, 'timeoutMs'> = {},
): Registry {
  const { SCHEMA_REGISTRY_USERNAME: username, SCHEMA_REGISTRY_PASSWORD_FILE: file } = connections;
  return createRegistry({
    url: connections.SCHEMA_REGISTRY_URL,
    ...(username !== undefined && file !== undefined
      ? { username, password: readSecret('SCHEMA_REGISTRY_PASSWORD_FILE', file) }
      : {}),
    ...limits,
    clock: systemClock,
  });
}
