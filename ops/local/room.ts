/** Checks whether this machine has the disk space that the demonstration needs. */
import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/** Measured with the default size, after a quarter of an hour (README). */
export const needs = { memoryGigabytes: 3, diskGigabytes: 1, cacheGigabytes: 1 } as const;

/** There is not enough space on a disk; the message names the folder and the need. */
export class RoomError extends Error {
  override readonly name = 'RoomError';
}

const gigabyte = 1e9;

function freeBytes(folder: string): number {
  let there = folder;
  while (!existsSync(there)) there = dirname(there);
  const { bavail, bsize } = statfsSync(there);
  return bavail * bsize;
}

const describe = (bytes: number): string => `${(bytes / gigabyte).toFixed(1)} GB`;

/**
 * @param free bytes that may be written in a folder, or in the nearest existing one above it.
 * @throws RoomError when a server would run out of space.
 */
export function checkRoom(folder: string, gigabytes: number, free = freeBytes): void {
  const bytes = free(folder);
  if (bytes >= gigabytes * gigabyte) return;
  throw new RoomError(
    `${folder} has ${describe(bytes)} free, and about ${gigabytes} GB are needed there: make room, or name a folder on another disk.`,
  );
}

/** @returns the sentence for a disk that filled up meanwhile, with its folder; else undefined. */
export function explainFullDisk(
  error: unknown,
  folder: string,
  free = freeBytes,
): string | undefined {
  if (!isFullDisk(error)) return undefined;
  return `The disk of ${folder} is full (${describe(free(folder))} free): about ${needs.diskGigabytes} GB are needed there. Make room and start again, or name a folder on another disk with --data.`;
}

function isFullDisk(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return (
    code === 'ENOSPC' || /no space left on device/i.test(error.message) || isFullDisk(error.cause)
  );
}
