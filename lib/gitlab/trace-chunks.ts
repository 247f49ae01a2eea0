/** Where GitLab keeps the chunks of a live trace, and which leases lock it. Source: its BuildTraceChunk and stores. */

/** Length of every chunk but the last; byte offset = index × this. */
export const chunkBytes = 131_072;

/** `ci_build_trace_chunks.data_store`. */
export const chunkStore = { redis: 1, database: 2, fog: 3, redisTraceChunks: 4 } as const;

/** Chunks that are still being written; the others have been flushed. */
export const isLive = (store: number): boolean =>
  store === chunkStore.redis || store === chunkStore.redisTraceChunks;

/** The same in both Redis stores, which may be two servers. */
export const chunkRedisKey = (buildId: number, index: number): string =>
  `gitlab:ci:trace:${buildId}:chunks:${index}`;

/** In the artifacts bucket, without the bucket's prefix. */
export const chunkObjectKey = (buildId: number, index: number): string =>
  `tmp/builds/${buildId}/chunks/${index}.log`;

/** GitLab's exclusive lease around append, archive and the runner's last update; value a uuid. */
export const traceLeaseKey = (jobId: number): string =>
  `gitlab:exclusive_lease:trace:write:lock:${jobId}`;

/** GitLab's exclusive lease around a chunk's own write and flush; a flush takes no other. */
export const chunkLeaseKey = (buildId: number, index: number): string =>
  `gitlab:exclusive_lease:trace_write:${buildId}:chunks:${index}`;
