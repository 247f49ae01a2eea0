/**
 * PostgreSQL's timestamps over their whole range, exactly. Pure.
 *
 * Microseconds since 1970 as a bigint: a number is exact only from 1684 to 2255, a `Date` knows neither
 * infinity nor microseconds, and the last years (to 294276) are beyond an int64 that counts from 1970.
 * The two infinities are values beyond every date, so that all of them compare as PostgreSQL does.
 */

/** Microseconds since the epoch, or one of the infinities. */
export type Instant = bigint;

export const infinity: Instant = 2n ** 64n;
export const minusInfinity: Instant = -infinity;

const dayUs = 86_400_000_000n;

/** @param text `extract(epoch FROM …)`, a numeric. @throws Error for anything else. */
export function instantOfEpoch(text: string): Instant {
  if (text === 'Infinity') return infinity;
  if (text === '-Infinity') return minusInfinity;
  const [, sign, seconds, fraction = ''] = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(text) ?? [];
  if (seconds === undefined) throw new Error(`${text} is no time that PostgreSQL says.`);
  const us = BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
  return sign === '-' ? -us : us;
}

const isoShape =
  /^([+-]?\d{4,9})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d):(\d\d))$/;

/** @param text as Debezium writes a `timestamptz`. @returns null for text that is no instant. */
export function instantOfIso(text: string): Instant | null {
  if (/^\+?infinity$/i.test(text)) return infinity;
  if (/^-infinity$/i.test(text)) return minusInfinity;
  const match = isoShape.exec(text);
  if (match === null) return null;
  const [, year, month, day, hours, minutes, seconds = '0', fraction = '', ...zone] = match;
  const days = daysOf(Number(year), Number(month), Number(day));
  if (days === null || Number(hours) > 23 || Number(minutes) > 59) return null;
  const minute = Number(hours) * 60 + Number(minutes) - aheadMinutesOf(zone);
  const us = BigInt(fraction.padEnd(6, '0').slice(0, 6));
  return BigInt(days) * dayUs + BigInt(minute * 60 + Number(seconds)) * 1_000_000n + us;
}

/** @param zone sign, hours and minutes; all absent for UTC. */
function aheadMinutesOf([sign, hours = '0', minutes = '0']: readonly (
  string | undefined
)[]): number {
  const ahead = Number(hours) * 60 + Number(minutes);
  return sign === '-' ? -ahead : ahead;
}

/** Gregorian calendars repeat after so many years, which are so many days. */
const cycle = { years: 400, days: 146_097 } as const;

/** Years as astronomers count them: 0 is 1 BC. @returns null for a date that does not exist. */
function daysOf(year: number, month: number, day: number): number | null {
  const cycles = Math.floor((year - 1970) / cycle.years);
  const inCycle = new Date(Date.UTC(year - cycles * cycle.years, month - 1, day));
  if (inCycle.getUTCMonth() !== month - 1 || inCycle.getUTCDate() !== day) return null;
  return cycles * cycle.days + inCycle.getTime() / 86_400_000;
}

/** Days since 1970-01-01, in UTC. Meaningless for an infinity. */
export function dayOf(instant: Instant): number {
  const days = instant / dayUs;
  return Number(instant < 0n && days * dayUs !== instant ? days - 1n : days);
}

/** As PostgreSQL reads a `timestamptz`, with any DateStyle and time zone. */
export function timestampOf(instant: Instant): string {
  if (instant >= infinity) return 'infinity';
  if (instant <= minusInfinity) return '-infinity';
  const days = dayOf(instant);
  const inDayUs = instant - BigInt(days) * dayUs;
  const cycles = Math.floor(days / cycle.days);
  const date = new Date((days - cycles * cycle.days) * 86_400_000);
  const year = date.getUTCFullYear() + cycles * cycle.years;
  const [, monthAndDay] = /^\d{4}(-\d\d-\d\d)/.exec(date.toISOString()) ?? [];
  const time = new Date(Number(inDayUs / 1_000n)).toISOString().slice(11, 23);
  const micros = String(inDayUs % 1_000n).padStart(3, '0');
  const years = String(year > 0 ? year : 1 - year).padStart(4, '0');
  return `${years}${monthAndDay ?? ''} ${time}${micros}+00${year > 0 ? '' : ' BC'}`;
}

/** For a state topic: whole microseconds in decimal, `infinity` or `-infinity`. */
export function writeInstant(instant: Instant): string {
  if (instant >= infinity) return 'infinity';
  return instant <= minusInfinity ? '-infinity' : instant.toString();
}

/** @throws Error for text that `writeInstant` did not write. */
export function readInstant(text: string): Instant {
  if (text === 'infinity') return infinity;
  if (text === '-infinity') return minusInfinity;
  if (!/^-?\d{1,19}$/.test(text)) throw new Error(`${text} is no instant in microseconds.`);
  return BigInt(text);
}
