/**
 * The one list of rights on a Kafka with ACLs. The secure stack grants exactly this, and a test compares it with the
 * table of docs/runbooks/on-your-gitlab.md.
 *
 * READ, WRITE, DELETE and ALTER include DESCRIBE. In a name `<ns>` stands for AFTERBUILD_NAMESPACE, `<group.id>` for
 * that of the Connect workers, and a `*` at the end for everything that begins so.
 */
import { processNames, type ProcessName } from '../../../lib/process/processes';
import {
  failureGroups,
  failureTopics,
  retryDelays,
  topicNames,
  topics,
} from '../../../lib/kafka/topics/topics';

const others = ['operator', 'page', 'connect', 'ui'] as const;
export type Principal = ProcessName | (typeof others)[number];
export const principals: readonly Principal[] = [...processNames, ...others];

export type Operation =
  'READ' | 'WRITE' | 'CREATE' | 'DELETE' | 'ALTER' | 'DESCRIBE' | 'DESCRIBE_CONFIGS';

export type Resource = 'topics' | 'groups' | 'transactional ids' | 'cluster';

export interface Right {
  /** Process, commands or server that needs it. */
  readonly who: string;
  /** Its login on the local stack. */
  readonly principal: Principal;
  readonly resource: Resource;
  readonly operations: readonly Operation[];
  readonly names: readonly string[];
}

type Grant = readonly [Resource, readonly Operation[], readonly string[]];

const inNamespace = (names: readonly string[]): string[] => names.map((name) => `<ns>${name}`);

const deadLetters = failureGroups.map(({ topic, group }) =>
  failureTopics.deadLetters(topic, group),
);
const parked = failureGroups.map(({ topic, group }) => failureTopics.parked(topic, group));
const mainTopics = failureGroups.map(({ topic }) => topic);
const groups = failureGroups.map(({ group }) => group);
const retryTopics = failureGroups
  .filter(({ retries }) => retries)
  .flatMap(({ topic, group }) =>
    retryDelays.map((delay) => failureTopics.retry(topic, group, delay)),
  );

/** All topics that `topics apply` creates. */
export const everyTopic: readonly string[] = inNamespace(topics.map(({ name }) => name));

/** Compacted topics never grow, and the code relies on the number of partitions of failure topics. */
const growableTopics: readonly string[] = inNamespace(mainTopics);

const of = (who: string, principal: Principal, grants: readonly Grant[]): Right[] =>
  grants.map(([resource, operations, names]) => ({ who, principal, resource, operations, names }));

interface ProcessGrants {
  readonly group: (typeof groups)[number];
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly more?: readonly Grant[];
}

/** The rights of every process, and those of this one besides. */
function ofProcess({ group, reads, writes, more = [] }: ProcessGrants): Right[] {
  const ownDeadLetters = deadLetters.filter((name) => name.endsWith(`.${group}.dlq`));
  const { control, status } = topicNames;
  return of(group, group, [
    ['topics', ['READ'], inNamespace([...reads, control])],
    ['topics', ['WRITE'], inNamespace([...writes, control, status, ...ownDeadLetters])],
    ['groups', ['READ'], inNamespace([group])],
    ...more,
  ]);
}

const retriesOf = (group: string): string[] =>
  retryTopics.filter((name) => name.includes(`.${group}.`));

const { artifactChanges, buildChanges, artifactsExpired, buildsFinished } = topicNames;
const { progress, staleProgress, control, status } = topicNames;

export const rights: readonly Right[] = [
  ...ofProcess({
    group: 'expired-artifacts',
    reads: [artifactChanges, progress],
    writes: [artifactsExpired, progress],
    more: [['groups', ['DESCRIBE'], inNamespace(['artifact-deleter'])]],
  }),
  ...ofProcess({
    group: 'finished-builds',
    reads: [buildChanges, staleProgress],
    writes: [buildsFinished, staleProgress],
    more: [['groups', ['DESCRIBE'], inNamespace(['trace-archiver'])]],
  }),
  ...ofProcess({
    group: 'artifact-deleter',
    reads: [artifactsExpired, ...retriesOf('artifact-deleter')],
    writes: retriesOf('artifact-deleter'),
    more: [['groups', ['READ'], inNamespace(['artifact-deleter.dry-run'])]],
  }),
  ...ofProcess({
    group: 'trace-archiver',
    reads: [buildsFinished, ...retriesOf('trace-archiver')],
    writes: retriesOf('trace-archiver'),
  }),
  ...of('`topics plan`, `topics apply`', 'operator', [
    ['topics', ['CREATE', 'DESCRIBE', 'DESCRIBE_CONFIGS'], everyTopic],
  ]),
  ...of('`topics apply --grow`', 'operator', [['topics', ['ALTER'], growableTopics]]),
  ...of('`flags`, `status`', 'operator', [
    ['topics', ['READ'], inNamespace([control, status, ...deadLetters])],
    ['topics', ['WRITE'], inNamespace([control])],
    ['topics', ['DESCRIBE'], inNamespace([...mainTopics, ...retryTopics])],
    ['groups', ['DESCRIBE'], inNamespace(groups)],
  ]),
  ...of('`accept-database`', 'operator', [['topics', ['WRITE'], inNamespace([control])]]),
  ...of('`dlq`', 'operator', [
    ['topics', ['DESCRIBE', 'DESCRIBE_CONFIGS'], everyTopic],
    ['topics', ['READ'], inNamespace([...deadLetters, ...retryTopics])],
    ['topics', ['WRITE'], inNamespace([...mainTopics, ...deadLetters, ...parked])],
    ['groups', ['DESCRIBE'], inNamespace(groups)],
  ]),
  ...of('`replay`', 'operator', [
    ['topics', ['READ'], inNamespace([...mainTopics, control])],
    ['topics', ['WRITE'], inNamespace([control, artifactsExpired, buildsFinished])],
    ['topics', ['WRITE'], inNamespace([...retryTopics, ...deadLetters])],
    ['topics', ['DESCRIBE'], inNamespace([progress, staleProgress])],
    ['groups', ['DESCRIBE'], inNamespace(groups)],
    ['groups', ['READ', 'DELETE'], inNamespace(groups.map((group) => `${group}.replay*`))],
  ]),
  ...of('`ui`', 'page', [
    ['topics', ['READ'], everyTopic],
    ['topics', ['READ'], ['__debezium-heartbeat.<ns>cdc']],
    ['groups', ['DESCRIBE'], inNamespace(groups)],
  ]),
  ...of('Connect workers', 'connect', [
    ['topics', ['READ', 'WRITE', 'CREATE', 'DESCRIBE_CONFIGS'], ['connect.*']],
    ['topics', ['WRITE', 'CREATE'], ['<ns>cdc.*', '__debezium-heartbeat.<ns>cdc']],
    ['groups', ['READ'], ['<group.id>']],
    ['transactional ids', ['WRITE'], ['connect-cluster-<group.id>', '<group.id>-*']],
  ]),
  ...of('a user interface, to look', 'ui', [
    ['topics', ['READ', 'DESCRIBE_CONFIGS'], ['*']],
    ['groups', ['DESCRIBE'], ['*']],
    ['cluster', ['DESCRIBE', 'DESCRIBE_CONFIGS'], []],
  ]),
];

/** `group.id` of the local stack's Connect worker. */
export const connectGroup = 'afterbuild-connect';

interface ResolvedName {
  readonly name: string;
  readonly isPrefix: boolean;
}

/** A name in Kafka's notation; a bare `*` is Kafka's own word for all of them. */
export function resolveName(name: string, namespace: string): ResolvedName {
  const full = name.replace('<ns>', namespace).replace('<group.id>', connectGroup);
  const isPrefix = full.length > 1 && full.endsWith('*');
  return { name: isPrefix ? full.slice(0, -1) : full, isPrefix };
}
