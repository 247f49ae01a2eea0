/** The one list of the parts of the local stack; a test compares the recipes in `servers/` with it. */
interface ServerPart {
  readonly title: string;
  readonly version: string;
  /** Roughly how much a first fetch has to do, for the progress display. */
  readonly amount: number;
  readonly unit: 'MB' | 'packages';
}

export const parts = {
  kafka: { title: 'Kafka and Kafka Connect', version: '4.4.0', amount: 75, unit: 'MB' },
  connectPlugins: { title: 'Debezium', version: '3.7.0.Final', amount: 12, unit: 'MB' },
  registry: { title: 'schema registry', version: '2.6.13.Final', amount: 142, unit: 'MB' },
  postgres: { title: 'PostgreSQL', version: '18.4.0-beta.17', amount: 25, unit: 'MB' },
  redis: { title: 'Redis', version: '1.4.3', amount: 12, unit: 'MB' },
  objectStorage: { title: 'S3 server', version: '1.8.0', amount: 610, unit: 'packages' },
  /** Only for tests of faults: no stack contains it. */
  faultProxy: { title: 'Toxiproxy', version: '2.5.0', amount: 170, unit: 'packages' },
  /** Only where `npm run stack -- up --kafka-ui` asks for it. */
  kafkaUi: { title: 'Kafka UI (kafka-viewer)', version: '0.4.0', amount: 53, unit: 'packages' },
} as const satisfies Record<string, ServerPart>;

/** Without a cache entry of their own: they come with another part. */
export const companions = {
  avroConverter: '2.6.13.Final',
  log4jBinding: '2.25.4',
  /** The server in Redis's part, whose own number counts the packaging. */
  redisServer: '6.2.6',
} as const;

export type PartName = keyof typeof parts;

/** Maven's own plugin, pinned like everything else that takes part in a fetch. */
export const mavenDependencyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';
