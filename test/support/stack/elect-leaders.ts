/**
 * The request ElectLeaders, which kafkajs does not support: leaders move back to the preferred replica of each
 * partition. Kafka's own tool takes seconds to start, and here the moment counts.
 */
import { createRequire } from 'node:module';
import type { Cluster, Kafka } from 'kafkajs';

interface Encoder {
  writeInt32(value: number): Encoder;
  writeString(value: string): Encoder;
  writeArray(values: readonly unknown[], type?: string): Encoder;
}

interface Decoder {
  readInt16(): number;
  readInt32(): number;
  readString(): string | null;
  readArray<T>(read: (decoder: Decoder) => T): T[];
}

interface Seed {
  readonly connectionPool: { send(protocol: object): Promise<readonly Answer[]> };
}

interface Answer {
  readonly topic: string | null;
  readonly partitions: readonly { readonly partition: number; readonly code: number }[];
}

interface OfTopic {
  readonly topic: string;
  readonly partitions: readonly number[];
}

const inner = createRequire(__filename);
const apiKey = 43;
/** The partition has that leader already. */
const notNeeded = 84;
const timeoutMs = 10_000;

/** @throws Error that names the partitions whose preferred leader could not be elected. */
export async function electLeaders(kafka: Kafka, topics: readonly OfTopic[]): Promise<void> {
  const cluster = clusterOf(kafka);
  await cluster.connect();
  try {
    const { seedBroker } = (cluster as unknown as { brokerPool: { seedBroker: Seed } }).brokerPool;
    const answers = await seedBroker.connectionPool.send(protocol(topics));
    const refused = answers.flatMap(({ topic, partitions }) =>
      partitions
        .filter(({ code }) => code !== 0 && code !== notNeeded)
        .map(({ partition, code }) => `${topic ?? ''}/${partition} (${code})`),
    );
    if (refused.length > 0) throw new Error(`not elected: ${refused.join(', ')}`);
  } finally {
    await cluster.disconnect();
  }
}

/** kafkajs passes it to the partition assigner. */
function clusterOf(kafka: Kafka): Cluster {
  let found: Cluster | undefined;
  kafka.consumer({
    groupId: 'never-joined',
    partitionAssigners: [
      ({ cluster }) => {
        found = cluster;
        return { name: 'none', version: 0, assign: () => Promise.resolve([]), protocol: never };
      },
    ],
  });
  if (!found) throw new Error('kafkajs asks for an assigner at another time than it did');
  return found;
}

const never = (): never => {
  throw new Error('this consumer joins no group');
};

function protocol(topics: readonly OfTopic[]): object {
  const Encoder = inner('kafkajs/src/protocol/encoder') as new () => Encoder;
  const Decoder = inner('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => Decoder;
  const wanted = topics.map(({ topic, partitions }) =>
    new Encoder().writeString(topic).writeArray(partitions),
  );
  return {
    request: {
      ...{ apiKey, apiVersion: 0, apiName: 'ElectLeaders' },
      encode: () => Promise.resolve(new Encoder().writeArray(wanted).writeInt32(timeoutMs)),
    },
    response: {
      decode: (bytes: Buffer) => Promise.resolve(new Decoder(bytes)),
      parse: (decoder: Decoder): readonly Answer[] => {
        decoder.readInt32();
        return decoder.readArray((of) => ({
          topic: of.readString(),
          partitions: of.readArray((one) => {
            const [partition, code] = [one.readInt32(), one.readInt16()];
            one.readString();
            return { partition, code };
          }),
        }));
      },
    },
  };
}
