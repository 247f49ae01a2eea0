/**
 * Wraps the stores for one micro-batch: the first write asks whether it may begin (membership).
 *
 * A committed row is followed by the removal of its chunks, with any later answer: begun work is finished
 * (`archivePass`).
 */
import { assertMayBegin } from '../../lib/runtime/membership-guard';
import type { MayBegin } from '../../lib/runtime/subscription';
import type { TraceObjects, TraceRows } from './ports';
import type { Dependencies } from './dependencies';

export function asMember(dependencies: Dependencies, mayBegin: MayBegin): Dependencies {
  return {
    ...dependencies,
    mayBegin,
    rows: rowsAsMember(dependencies.rows, mayBegin),
    objects: objectsAsMember(dependencies.objects, mayBegin),
  };
}

const rowsAsMember = (rows: TraceRows, mayBegin: MayBegin): TraceRows => ({
  read: (partitionId, buildIds) => rows.read(partitionId, buildIds),
  readRawData: (chunkIds) => rows.readRawData(chunkIds),
  commitStored: async (partitionId, traces) => {
    assertMayBegin(mayBegin);
    return rows.commitStored(partitionId, traces);
  },
  forgetChunks: (partitionId, traces) => rows.forgetChunks(partitionId, traces),
  dropUnclaimed: (build, key, drop) => rows.dropUnclaimed(build, key, drop),
});

const objectsAsMember = (objects: TraceObjects, mayBegin: MayBegin): TraceObjects => ({
  head: (key) => objects.head(key),
  put: async (key, body, sha256, condition) => {
    assertMayBegin(mayBegin);
    return objects.put(key, body, sha256, condition);
  },
  upload: async (key) => {
    assertMayBegin(mayBegin);
    const upload = await objects.upload(key);
    return {
      part: (bytes) => upload.part(bytes),
      complete: async (condition) => {
        assertMayBegin(mayBegin);
        return upload.complete(condition);
      },
      abort: () => upload.abort(),
    };
  },
  readRange: (key, etag, fromByte, lengthBytes) =>
    objects.readRange(key, etag, fromByte, lengthBytes),
  removeIf: async (key, etag) => {
    assertMayBegin(mayBegin);
    return objects.removeIf(key, etag);
  },
});
