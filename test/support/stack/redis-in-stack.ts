/**
 * A Redis master with its replica in the place of the stack's Redis, for a scenario that fills it and loses its master.
 */
import type { RunningStack } from '../../../ops/local/stack/running-stack';
import { RedisPair } from './redis-pair';
import { readFile } from './stack';
import type { OwnServer } from '../scenario/use-scenario';

interface RedisPairInStack extends OwnServer {
  readonly pair: RedisPair;
}

export async function redisPairInStack(shared: RunningStack): Promise<RedisPairInStack> {
  const { redis } = shared.addresses;
  const pair = new RedisPair(readFile(redis.passwordFile));
  await pair.start();
  await pair.replicate();
  const addresses = {
    ...shared.addresses,
    redis: { ...redis, host: '127.0.0.1', port: pair.port },
  };
  return { pair, stack: { ...shared, addresses }, drop: () => pair.stop() };
}
