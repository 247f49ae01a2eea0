/**
 * Pure: which serde Kafbat's Kafka UI opens a topic with, by the rule of its source (v1.5.0,
 * `SerdesInitializer`, `ClusterSerdes`, `SchemaRegistrySerde`), so that a test can hold docker-compose.yml against it.
 */
interface SerdeSettings {
  /** In the order of the configuration; Kafbat asks them in that order. */
  readonly serdes: readonly {
    readonly name: string;
    readonly topicKeysPattern?: RegExp;
    readonly topicValuesPattern?: RegExp;
  }[];
  readonly defaultKeySerde: string | undefined;
  readonly defaultValueSerde: string | undefined;
  readonly hasRegistry: boolean;
}

const prefix = 'KAFKA_CLUSTERS_0_';
const whole = (pattern: string | undefined): RegExp | undefined =>
  pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`);

/** @param environment of the service, as Spring reads it: names in upper case, no dots. */
export function readSerdeSettings(environment: Readonly<Record<string, string>>): SerdeSettings {
  const of = (name: string): string | undefined => environment[prefix + name];
  const serdes: SerdeSettings['serdes'][number][] = [];
  for (let index = 0; ; index += 1) {
    const name = of(`SERDE_${index}_NAME`);
    if (name === undefined) break;
    const topicKeysPattern = whole(of(`SERDE_${index}_TOPICKEYSPATTERN`));
    const topicValuesPattern = whole(of(`SERDE_${index}_TOPICVALUESPATTERN`));
    serdes.push({
      name,
      ...(topicKeysPattern && { topicKeysPattern }),
      ...(topicValuesPattern && { topicValuesPattern }),
    });
  }
  return {
    serdes,
    defaultKeySerde: of('DEFAULTKEYSERDE'),
    defaultValueSerde: of('DEFAULTVALUESERDE'),
    hasRegistry: of('SCHEMAREGISTRY') !== undefined,
  };
}

interface Topic {
  readonly name: string;
  /** The registry has a subject `<topic>-key` or `<topic>-value`; only then Kafbat follows a registry serde's pattern. */
  readonly hasSubject: boolean;
}

/**
 * A serde by its pattern, else the default, else text. A record that the serde cannot read is shown as text by itself.
 * @returns the serde's name, as it is in Kafbat's menu.
 */
export function serdeOf(settings: SerdeSettings, topic: Topic, part: 'key' | 'value'): string {
  const isPreferable = (name: string) => name !== 'SchemaRegistry' || topic.hasSubject;
  const matched = settings.serdes.find(({ name, topicKeysPattern, topicValuesPattern }) => {
    const pattern = part === 'key' ? topicKeysPattern : topicValuesPattern;
    return isPreferable(name) && pattern?.test(topic.name) === true;
  });
  const byDefault = part === 'key' ? settings.defaultKeySerde : settings.defaultValueSerde;
  return matched?.name ?? byDefault ?? 'String';
}
