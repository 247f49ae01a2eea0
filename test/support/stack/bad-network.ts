/** A network that can go bad: proxies in front of the servers, for processes that are started with its settings. */
import { Toxiproxy, type FaultProxy } from '../../../ops/faults/toxiproxy';
import type { RunningStack } from '../../../ops/local/stack/running-stack';
import { currentStack } from './stack';

interface BadNetwork {
  readonly postgres: FaultProxy;
  readonly redis: FaultProxy;
  readonly s3: FaultProxy;
  readonly registry: FaultProxy;
  /** The variables of a process that reaches its servers through the proxies. */
  readonly settings: Readonly<Record<string, string>>;
}

const at = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  `${host}:${port}`;
const httpAt = (proxy: FaultProxy, url: string): string =>
  `http://${at(proxy)}${new URL(url).pathname.replace(/\/$/, '')}`;

async function layNetwork(proxies: Toxiproxy, { addresses }: RunningStack): Promise<BadNetwork> {
  const postgres = await proxies.proxy('postgres', at(addresses.postgres));
  const redis = await proxies.proxy('redis', at(addresses.redis));
  const s3 = await proxies.proxy('s3', new URL(addresses.s3.endpoint).host);
  const registry = await proxies.proxy('registry', new URL(addresses.registryUrl).host);
  const settings = {
    POSTGRES_HOST: postgres.host,
    POSTGRES_PORT: String(postgres.port),
    REDIS_HOST: redis.host,
    REDIS_PORT: String(redis.port),
    S3_ENDPOINT: httpAt(s3, addresses.s3.endpoint),
    SCHEMA_REGISTRY_URL: httpAt(registry, addresses.registryUrl),
  };
  return { postgres, redis, s3, registry, settings };
}

/** Registers beginning and end of the proxies around the tests of a file. */
export function useBadNetwork(): () => BadNetwork {
  let proxies: Toxiproxy | undefined;
  let network: BadNetwork | undefined;
  beforeAll(async () => {
    proxies = await Toxiproxy.start((line) => void process.stderr.write(`${line}\n`));
    network = await layNetwork(proxies, currentStack());
  });
  afterAll(() => proxies?.stop());
  return () => {
    if (!network) throw new Error('the proxies have not been started');
    return network;
  };
}
