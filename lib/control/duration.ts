/** Durations as operators read and write them: `2h`, `4m12s`. Pure. */

const unitsMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;
type Unit = keyof typeof unitsMs;

/** @returns null for text that is no duration above 0, like `2h`, `90m` or `1d12h`. */
export function readDuration(text: string): number | null {
  if (!/^(?:[0-9]{1,6}[dhms])+$/.test(text)) return null;
  const parts = [...text.matchAll(/([0-9]+)([dhms])/g)];
  const ms = parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitsMs[unit as Unit], 0);
  return ms > 0 ? ms : null;
}

/** The two largest units, the second one in two digits: `8s`, `4m12s`, `2h05m`, `3d04h`. */
export function writeDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h${two(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}
