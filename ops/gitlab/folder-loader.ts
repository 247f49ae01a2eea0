/**
 * Loads objects in bulk for the local stack: writes them straight into the folder that the S3 server serves.
 *
 * versitygw keeps an object as a plain file `<folder>/<bucket>/<key>`. Files written there answer to HEAD, GET,
 * ListObjectsV2 and DeleteObjects like any other, but have no ETag (kept in an extended attribute, which an ordinary
 * write does not set). Nothing in the artifact flow reads ETags.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NewObject, ObjectLoader } from './objects';

/** So many bytes are written without a break; keeps the event loop's pauses under about 20 ms. */
const filesPerTurn = 200;

export class FolderObjectLoader implements ObjectLoader {
  private readonly root: string;
  private lastFolders = new Set<string>();

  /**
   * @param bucketFolder the bucket's own folder, which must exist.
   * @param prefix of all keys in the bucket, empty or ending with a slash.
   */
  constructor(
    bucketFolder: string,
    private readonly prefix = '',
  ) {
    this.root = resolve(bucketFolder);
  }

  async load(objects: readonly NewObject[]): Promise<void> {
    for (let start = 0; start < objects.length; start += filesPerTurn) {
      for (const { key, body } of objects.slice(start, start + filesPerTurn)) this.write(key, body);
      await nextTurn();
    }
    this.lastFolders.clear(); // a delete removes empty folders, so they must not be remembered for long
  }

  private write(key: string, body: Buffer): void {
    const path = join(this.root, this.prefix + key);
    if (!path.startsWith(this.root + sep)) throw new Error(`The key ${key} leaves the bucket.`);
    const folder = dirname(path);
    if (!this.lastFolders.has(folder)) {
      mkdirSync(folder, { recursive: true });
      this.lastFolders.add(folder);
    }
    try {
      writeFileSync(path, body);
    } catch (error) {
      // A parallel delete may have just removed the folder as empty.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      mkdirSync(folder, { recursive: true });
      writeFileSync(path, body);
    }
  }
}
