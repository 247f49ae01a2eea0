/** Opens the schema registry that the environment names, the same way for every process and command. */
import { refuseClearText } from '../process/clear-text';
import { readSecret, type Connections } from '../process/config';
import { systemClock } from '../process/clock';
import { createRegistry, type Registry, type RegistryOptions } from './registry';

type RegistryConnections = Pick<
  Connections,
  'SCHEMA_REGISTRY_URL' | 'SCHEMA_REGISTRY_USERNAME' | 'SCHEMA_REGISTRY_PASSWORD_FILE'
> &
  Partial<Pick<Connections, 'CLEAR_TEXT_PASSWORDS'>>;

/** @throws ConfigError when the password's file cannot be read, or the password would be sent in clear text. */
export function openRegistry(
  connections: RegistryConnections,
  limits: Pick<RegistryOptions, 'timeoutMs'> = {},
): Registry {
  const { SCHEMA_REGISTRY_USERNAME: username, SCHEMA_REGISTRY_PASSWORD_FILE: file } = connections;
  const { protocol, hostname } = new URL(connections.SCHEMA_REGISTRY_URL);
  if (username !== undefined && file !== undefined && protocol === 'http:') {
    refuseClearText({
      passwords: connections.CLEAR_TEXT_PASSWORDS,
      hosts: [hostname.replace(/^\[|\]$/g, '')],
      why: 'SCHEMA_REGISTRY_PASSWORD_FILE is set and SCHEMA_REGISTRY_URL is not https',
      instead: 'Use https',
    });
  }
  return createRegistry({
    url: connections.SCHEMA_REGISTRY_URL,
    ...(username !== undefined && file !== undefined
      ? { username, password: readSecret('SCHEMA_REGISTRY_PASSWORD_FILE', file) }
      : {}),
    ...limits,
    clock: systemClock,
  });
}
