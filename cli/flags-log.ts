/** `afterbuild flags log`: which operator has set and unset which flag, as far back as the control topic reaches. */
import { subjectOf } from '../lib/control/control-key';
import { writeDuration } from '../lib/control/duration';
import { everyProcess } from '../lib/process/processes';
import { topicNames } from '../lib/kafka/topics/topics';
import { controlSchema, loadConfig } from '../lib/process/config';
import { UnreachableError } from '../lib/process/unreachable-error';
import type { Control } from '../schemas/generated';
import { followTopics, type StateRecord } from './control-topic';
import { type ExitCode, exitCodes } from './exit-codes';
import { printResult, type OutputOptions } from './output';

interface FlagChange {
  readonly atMs: number;
  readonly process: string;
  readonly name: string;
  readonly change: 'set' | 'taken back';
  /** null for a flag that was unset. */
  readonly value: string | null;
  readonly expiresAtMs: number | null;
  /** Author and reason as the record names them; null where it does not. Nothing proves them. */
  readonly author: string | null;
  readonly reason: string | null;
}

const kept =
  'Each flag’s last decision is kept; those before it for 30 days, on topics made before this version until they are compacted.';

export async function logFlags(
  process: string | undefined,
  options: OutputOptions,
): Promise<ExitCode> {
  const config = loadConfig(controlSchema, globalThis.process.env);
  const changes: FlagChange[] = [];
  const onState = (record: StateRecord<Control>): void => void changes.push(...changeOf(record));
  const { end, unread } = await followTopics(config, [{ name: topicNames.control, onState }]);
  const notRead = unread();
  await end();
  const asked = changes.filter(
    (one) => process === undefined || [process, everyProcess].includes(one.process),
  );
  const lines = asked.map(describeChange);
  printResult(options, asked, [...(lines.length > 0 ? lines : ['No flag was ever set.']), kept]);
  if (notRead !== null) throw new UnreachableError(notRead);
  return exitCodes.ok;
}

/** @returns nothing for decisions of another kind. */
export function changeOf({ key, value, headers, atMs }: StateRecord<Control>): FlagChange[] {
  const subject = subjectOf(key);
  if (subject?.kind !== 'flag') return [];
  const { process, name } = subject;
  const at = { atMs, process, name };
  if (value !== null) {
    const { author, reason, flag } = value;
    const set = { value: flag?.value ?? null, expiresAtMs: flag?.expiresAtMs ?? null };
    return [{ ...at, change: 'set', ...set, author, reason }];
  }
  const { author = null, reason = null } = headers;
  return [{ ...at, change: 'taken back', value: null, expiresAtMs: null, author, reason }];
}

/** `2026-05-01T12:00:00.000Z  artifact-deleter: pause true set by anna, for 2h00m: maintenance`. */
export function describeChange(change: FlagChange): string {
  const { atMs, process, name, value, expiresAtMs, author, reason } = change;
  const what = value === null ? name : `${name} ${value}`;
  const ends = expiresAtMs === null ? '' : `, for ${writeDuration(expiresAtMs - atMs)}`;
  const why = reason === null ? '' : `: ${reason}`;
  const at = new Date(atMs).toISOString();
  return `${at}  ${process}: ${what} ${change.change} by ${author ?? 'an unnamed author'}${ends}${why}`;
}
