/** Turns the template `afterbuild-source.json` into the configuration of one connector. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectorConfig } from '../lib/connect/connect-client';
import { retentionFloorMs, topicNames, topics } from '../lib/kafka/topics/topics';
import { projectRoot } from '../lib/process/root';

/** The values that differ between installations; addresses are those that the Connect workers use. */
export interface ConnectorSettings {
  /** In front of each topic's name; empty, or ending with a dot. */
  readonly namespace: string;
  readonly databaseHost: string;
  readonly databasePort: number;
  readonly databaseName: string;
  readonly databaseUser: string;
  /** Properties file on the workers with the line `password=…`, below their allowed paths. */
  readonly passwordFile: string;
  readonly slot: string;
  readonly publication: string;
  /** Apicurio's own API, for example `http://registry:8080/apis/registry/v2`. */
  readonly registryUrl: string;
  readonly heartbeatMs: number;
  /** -1: the brokers' default. */
  readonly replicationFactor: number;
}

/** Debezium appends `.<schema>.<table>`, which gives the names of lib/kafka/topics/topics.ts. */
const rawPrefix = 'cdc';

const templateFile = join(projectRoot, 'connect', 'afterbuild-source.json');

/** @throws Error when the template holds a placeholder without a value. */
export function connectorConfig(settings: ConnectorSettings): ConnectorConfig {
  const topicPrefix = `${settings.namespace}${rawPrefix}`;
  const values: Readonly<Record<string, string | number>> = {
    ...settings,
    topicPrefix,
    topicPattern: topicPrefix.replaceAll('.', '[.]'),
    partitions: changePartitions(),
    retentionMs: retentionFloorMs,
  };
  const template = JSON.parse(readFileSync(templateFile, 'utf8')) as ConnectorConfig;
  return Object.fromEntries(
    Object.entries(template).map(([key, value]) => [key, fill(key, value, values)]),
  );
}

function fill(
  key: string,
  text: string,
  values: Readonly<Record<string, string | number>>,
): string {
  return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined)
      throw new Error(`${templateFile}: nothing fills {{${name}}} in ${key}.`);
    return String(value);
  });
}

/** `topics apply` creates the topics beforehand; Connect's own rule must not differ from it. */
function changePartitions(): number {
  const names: readonly string[] = [topicNames.artifactChanges, topicNames.buildChanges];
  const counts = new Set(
    topics.filter((topic) => names.includes(topic.name)).map((topic) => topic.partitions),
  );
  const [partitions] = [...counts];
  if (counts.size !== 1 || partitions === undefined) {
    throw new Error(
      'The change topics of lib/kafka/topics/topics.ts must have one number of partitions.',
    );
  }
  return partitions;
}
