import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import { CompressionCodecs, CompressionTypes } from 'kafkajs';
import { pino } from 'pino';
import { batchBytesMax, createKafka, type KafkaConnections } from './create-kafka';

interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}
const codecOf = (type: keyof typeof CompressionCodecs): Codec =>
  (CompressionCodecs[type] as () => Codec)();

test.each([
  ['gzip', CompressionTypes.GZIP, promisify(gzip)],
  ['zstd', CompressionTypes.ZSTD, promisify(zstdCompress)],
] as const)(
  '%s: what was compressed comes back, and what expands too far does not',
  async (_, type, compress) => {
    const codec = codecOf(type);
    const buffer = Buffer.from('a batch');
    expect(await codec.decompress(await codec.compress({ buffer }))).toEqual(buffer);
    const wide = await compress(Buffer.alloc(batchBytesMax + 1));
    await expect(codec.decompress(wide)).rejects.toThrow(/comes to more than 67108864/);
  },
);

const plain: KafkaConnections = {
  KAFKA_BROKERS: ['127.0.0.1:9092', 'kafka.example:9092'],
  KAFKA_SASL_MECHANISM: 'plain',
  KAFKA_SASL_USERNAME: 'mona',
  KAFKA_SASL_PASSWORD_FILE: __filename,
  CLEAR_TEXT_PASSWORDS: 'refuse',
};
const connect = (other: Partial<KafkaConnections>) => () =>
  createKafka({ ...plain, ...other }, 'test', pino({ level: 'silent' }));

test('SASL PLAIN without TLS to another machine is refused, unless it is said on purpose', () => {
  expect(connect({})).toThrow(/clear text.*KAFKA_TLS_CA_FILE.*CLEAR_TEXT_PASSWORDS=allow/);
  expect(connect({ CLEAR_TEXT_PASSWORDS: 'allow' })).not.toThrow();
  expect(connect({ KAFKA_TLS_CA_FILE: __filename })).not.toThrow();
  expect(connect({ KAFKA_SASL_MECHANISM: 'scram-sha-512' })).not.toThrow();
  expect(connect({ KAFKA_BROKERS: ['127.0.0.1:9092', 'localhost:9093'] })).not.toThrow();
});
