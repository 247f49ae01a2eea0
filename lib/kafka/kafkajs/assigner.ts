/**
 * Shares partitions out among the members of a group: evenly over every topic and in total, and each partition to its
 * last holder, as far as evenness allows.
 *
 * Rebalances are eager in kafkajs (every member gives up every partition), so each member lists in its join which
 * partitions it holds. Such a claim carries its generation: of two claims to one partition the younger counts.
 */

export interface Member {
  readonly id: string;
  readonly topics: readonly string[];
  /** The partitions that it held when it joined, by topic. */
  readonly owned: Readonly<Record<string, readonly number[]>>;
  readonly generation: number;
}

export interface TopicShape {
  readonly topic: string;
  readonly partitions: readonly number[];
  /** Topics of which each member reads every partition. */
  readonly everyMember: boolean;
}

/** Partitions by topic. */
export type Share = Record<string, number[]>;

/** @returns a share for every member; it may be empty. */
export function assignPartitions(
  members: readonly Member[],
  topics: readonly TopicShape[],
): Map<string, Share> {
  const shares = new Map<string, Share>(members.map(({ id }) => [id, {}]));
  const totals = new Map<string, number>(members.map(({ id }) => [id, 0]));
  for (const shape of [...topics].sort((a, b) => (a.topic < b.topic ? -1 : 1))) {
    const readers = members.filter((member) => member.topics.includes(shape.topic));
    const given = shape.everyMember
      ? new Map(readers.map(({ id }) => [id, [...shape.partitions]]))
      : shareTopic(shape, readers, totals);
    for (const [id, partitions] of given) {
      if (partitions.length === 0) continue;
      const share = shares.get(id);
      if (share) share[shape.topic] = partitions.sort((a, b) => a - b);
      if (!shape.everyMember) totals.set(id, (totals.get(id) ?? 0) + partitions.length);
    }
  }
  return shares;
}

function shareTopic(
  shape: TopicShape,
  readers: readonly Member[],
  totals: ReadonlyMap<string, number>,
): Map<string, number[]> {
  const holders = holdersOf(shape, readers);
  const held = new Map<string, number[]>(readers.map(({ id }) => [id, []]));
  for (const [partition, id] of holders) held.get(id)?.push(partition);
  const quota = quotas(shape.partitions.length, held, totals);
  const given = new Map<string, number[]>();
  for (const [id, partitions] of held) {
    given.set(id, partitions.sort((a, b) => a - b).slice(0, quota.get(id)));
  }
  const kept = new Set([...given.values()].flat());
  const free = shape.partitions.filter((partition) => !kept.has(partition));
  for (const [id, partitions] of given) {
    partitions.push(...free.splice(0, (quota.get(id) ?? 0) - partitions.length));
  }
  return given;
}

/** The last holder of each partition, if it still is a member. */
function holdersOf(shape: TopicShape, readers: readonly Member[]): Map<number, string> {
  const holders = new Map<number, string>();
  const known = new Set(shape.partitions);
  const byAge = [...readers].sort((a, b) => a.generation - b.generation || (a.id < b.id ? 1 : -1));
  for (const member of byAge) {
    for (const partition of member.owned[shape.topic] ?? []) {
      if (known.has(partition)) holders.set(partition, member.id);
    }
  }
  return holders;
}

/** The remainder goes to the members with the fewest partitions in total; at a tie, to the current holder. */
function quotas(
  partitions: number,
  held: ReadonlyMap<string, readonly number[]>,
  totals: ReadonlyMap<string, number>,
): Map<string, number> {
  const least = Math.floor(partitions / Math.max(1, held.size));
  const extra = partitions - least * held.size;
  const ranked = [...held.keys()].sort((a, b) => {
    const byTotal = (totals.get(a) ?? 0) - (totals.get(b) ?? 0);
    const byHeld = (held.get(b)?.length ?? 0) - (held.get(a)?.length ?? 0);
    return byTotal || byHeld || (a < b ? -1 : 1);
  });
  return new Map(ranked.map((id, rank) => [id, least + (rank < extra ? 1 : 0)]));
}
