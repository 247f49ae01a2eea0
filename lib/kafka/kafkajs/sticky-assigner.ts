/** Plugs `assignPartitions` into the group protocol of kafkajs: claims travel in the join's user data, as JSON. */
import { AssignerProtocol, type Assigner, type Cluster, type GroupMember } from 'kafkajs';
import { z } from 'zod';
import { instanceName } from '../../process/instance-name';
import { assignPartitions, type Member, type Share } from './assigner';

const claims = z.object({
  generation: z.number().int(),
  owned: z.record(z.string(), z.array(z.number().int())),
});
export type Claims = z.output<typeof claims>;

const name = 'afterbuild-sticky';
const version = 1;

/**
 * @param everyMember topics that each member reads in full.
 * @param current what this member holds at the moment it joins.
 */
export function createStickyAssigner(
  cluster: Cluster,
  everyMember: ReadonlySet<string>,
  current: () => Claims,
): Assigner {
  return {
    name,
    version,
    protocol: ({ topics }) => ({
      name,
      metadata: AssignerProtocol.MemberMetadata.encode({
        version,
        topics,
        userData: Buffer.from(JSON.stringify({ ...current(), instance: instanceName() })),
      }),
    }),
    assign: ({ members, topics }) => {
      const shapes = topics.map((topic) => ({
        topic,
        partitions: cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId),
        everyMember: everyMember.has(topic),
      }));
      const shares = assignPartitions(members.map(readMember), shapes);
      return Promise.resolve(
        [...shares].map(([memberId, assignment]) => ({
          memberId,
          memberAssignment: encodeShare(assignment),
        })),
      );
    },
  };
}

const encodeShare = (assignment: Share): Buffer =>
  AssignerProtocol.MemberAssignment.encode({ version, assignment, userData: Buffer.alloc(0) });

function readMember({ memberId, memberMetadata }: GroupMember): Member {
  const metadata = AssignerProtocol.MemberMetadata.decode(memberMetadata);
  return { id: memberId, topics: metadata?.topics ?? [], ...readClaims(metadata?.userData) };
}

const named = z.object({ instance: z.string() });

/** Which instance a member is, by the metadata of its join; null when it does not say so. */
export function instanceOf(memberMetadata: Buffer): string | null {
  if (memberMetadata.length === 0) return null;
  try {
    const { userData } = AssignerProtocol.MemberMetadata.decode(memberMetadata) ?? {};
    return named.parse(JSON.parse(userData?.toString('utf8') ?? '')).instance;
  } catch {
    return null;
  }
}

/** A claim that cannot be read counts as none: stickiness is lost, correctness is not. */
function readClaims(userData: Buffer | null | undefined): Claims {
  try {
    return claims.parse(JSON.parse(userData?.toString('utf8') ?? ''));
  } catch {
    return { generation: -1, owned: {} };
  }
}
