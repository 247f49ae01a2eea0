/** The memory of the Redis servers that hold live chunks, each server once, from the reports of the instances. Pure. */
import { writeDuration } from '../lib/control/duration';
import type { InstanceReport } from '../lib/control/status-report';
import type { RedisRoom } from '../schemas/generated';

interface TitledLine {
  readonly title: string;
  readonly text: string;
}

/** From the latest report; a silent instance knows nothing. */
export function redisLinesOf(instances: readonly InstanceReport[]): TitledLine[] {
  const live = instances
    .filter(({ silentForMs }) => silentForMs === null)
    .toSorted((a, b) => a.atMs - b.atMs);
  const rooms = new Map(live.flatMap(({ redisRooms }) => redisRooms.map((one) => [one.name, one])));
  const guards = new Set(live.flatMap(({ redisGuard }) => redisGuard ?? []));
  return [
    ...[...rooms.values()].map((room) => ({ title: 'redis', text: describeRoom(room) })),
    ...[...guards].map((text) => ({ title: 'redis guard', text })),
  ];
}

function describeRoom({ name, usedBytes, maxBytes, fullInMs }: RedisRoom): string {
  if (maxBytes === null) return `${name}: ${writeBytes(usedBytes)}, without maxmemory`;
  const percent = Math.round((100 * usedBytes) / maxBytes);
  const used = `${name}: ${writeBytes(usedBytes)} of ${writeBytes(maxBytes)} (${percent} %)`;
  if (usedBytes >= maxBytes) return `${used}, Redis is full`;
  if (fullInMs === null) return used;
  return `${used}, Redis is full in ${writeDuration(fullInMs)} at this rate`;
}

function writeBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1_024 && unit < units.length - 1) [value, unit] = [value / 1_024, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`;
}
