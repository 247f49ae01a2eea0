// Numbers, times and states as people read them.

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

export const number = (value) =>
  value === null || value === undefined ? 'unknown' : whole.format(value);

export const rate = (value) =>
  value === null || value === undefined
    ? '–'
    : value < 10
      ? tenths.format(value)
      : whole.format(value);

/** `8s`, `4m12s`, `2h05m`, `3d04h`: as in `afterbuild status`. */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const two = (value) => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h${two(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

export function bytes(value) {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

export const time = (ms) => new Date(ms).toLocaleTimeString('en-GB');
export const moment = (ms) => new Date(ms).toISOString().replace('T', ' ').replace('Z', ' UTC');

/** A sign beside the colour, for those who do not see it. */
export const signs = { off: '○', good: '●', wait: '◔', warn: '▲', bad: '■', none: '' };
