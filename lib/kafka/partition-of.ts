/** Which partition a key belongs to: by the same hash as kafkajs and every Java client. */
import { Partitioners, type PartitionMetadata } from 'kafkajs';

const hash = Partitioners.DefaultPartitioner();
const metadata = new Map<number, PartitionMetadata[]>();

/** @param partitions how many the topic has. */
export function partitionOf(key: string, partitions: number): number {
  let partitionMetadata = metadata.get(partitions);
  if (partitionMetadata === undefined) {
    partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
      partitionErrorCode: 0,
      partitionId,
      leader: 0,
      replicas: [],
      isr: [],
      offlineReplicas: [],
    }));
    metadata.set(partitions, partitionMetadata);
  }
  return hash({ topic: '', partitionMetadata, message: { key, value: null } });
}
