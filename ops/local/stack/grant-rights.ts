/** Grants the rights of kafka-rights.ts, for one namespace, as ACLs of the stack's Kafka. */
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  ResourcePatternTypes,
  type AclEntry,
  type Admin,
} from 'kafkajs';
import { localKafka } from './kafka-access';
import { resolveName, rights, type Operation, type Resource, type Right } from './kafka-rights';
import { shapeOf, type Place } from './server';

const resourceTypes: Readonly<Record<Resource, AclResourceTypes>> = {
  topics: AclResourceTypes.TOPIC,
  groups: AclResourceTypes.GROUP,
  'transactional ids': AclResourceTypes.TRANSACTIONAL_ID,
  cluster: AclResourceTypes.CLUSTER,
};

const operations: Readonly<Record<Operation, AclOperationTypes>> = {
  READ: AclOperationTypes.READ,
  WRITE: AclOperationTypes.WRITE,
  CREATE: AclOperationTypes.CREATE,
  DELETE: AclOperationTypes.DELETE,
  ALTER: AclOperationTypes.ALTER,
  DESCRIBE: AclOperationTypes.DESCRIBE,
  DESCRIBE_CONFIGS: AclOperationTypes.DESCRIBE_CONFIGS,
};

/** Kafka's only name for the resource `cluster`. */
const theCluster = 'kafka-cluster';

export function aclsOf(right: Right, namespace: string): AclEntry[] {
  const { resource, names, principal } = right;
  return (resource === 'cluster' ? [theCluster] : names).flatMap((given) => {
    const { name, isPrefix } = resolveName(given, namespace);
    return right.operations.map((operation) => ({
      resourceType: resourceTypes[resource],
      resourceName: name,
      resourcePatternType: isPrefix ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
      principal: `User:${principal}`,
      host: '*',
      operation: operations[operation],
      permissionType: AclPermissionTypes.ALLOW,
    }));
  });
}

/** Runs a command as the super user. */
export async function asAdmin(
  place: Place,
  work: (admin: Admin) => Promise<unknown>,
): Promise<void> {
  const admin = localKafka(place, { retries: 8, requestMs: 30_000 }).admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Safe to repeat. Does nothing on a Kafka without ACLs. */
export async function grantRights(place: Place, namespace: string): Promise<void> {
  if (!shapeOf(place).isSecure) return;
  const acl = rights.flatMap((right) => aclsOf(right, namespace));
  await asAdmin(place, (admin) => admin.createAcls({ acl }));
}
