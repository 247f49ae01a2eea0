/** Finds out why a worker accepts a request and does not answer it. */
import {
  ConnectUnavailableError,
  type ConnectClient,
  type ConnectSilentError,
} from '../lib/connect/connect-client';

/** A worker that lists its plugins but not its connectors is available: it cannot use its topics. */
export async function whySilent(
  client: Pick<ConnectClient, 'connectorPlugins'>,
  error: ConnectSilentError,
): Promise<ConnectUnavailableError> {
  const answers = await client.connectorPlugins().then(
    () => true,
    () => false,
  );
  if (!answers) return error;
  return new ConnectUnavailableError(
    `${error.message} It answers other requests: the worker cannot read or write the topic of its ` +
      'configurations (config.storage.topic). Look at its log, and whether its principal has WRITE on ' +
      'the transactional id connect-cluster-<group.id> (docs/runbooks/on-your-gitlab.md, section 4).',
    { cause: error },
  );
}
