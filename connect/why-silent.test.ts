import { ConnectSilentError, ConnectUnavailableError } from '../lib/connect/connect-client';
import { whySilent } from './why-silent';

const silent = new ConnectSilentError(
  'Kafka Connect at http://c:8083 has not answered GET /connectors/a/config within 50 ms.',
);

test('a worker that answers other requests cannot use its topics, and what to look at is said', async () => {
  const client = { connectorPlugins: () => Promise.resolve([]) };
  const why = await whySilent(client, silent);
  expect(why).toBeInstanceOf(ConnectUnavailableError);
  expect(why.message).toMatch(
    /has not answered GET .* It answers other requests: .* its log, .* transactional id connect-cluster-<group.id>/,
  );
});

test('a worker that answers nothing is unavailable', async () => {
  const client = { connectorPlugins: () => Promise.reject(new Error('away')) };
  expect(await whySilent(client, silent)).toBe(silent);
});
