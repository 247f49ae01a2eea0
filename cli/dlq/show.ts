/** `afterbuild dlq show`: single dead letters with all that is known about them. */
import { createWriterDecoder } from '../../lib/avro/codec';
import { openRegistry } from '../../lib/avro/open-registry';
import { RegistryUnavailableError } from '../../lib/avro/registry';
import type { DeadLetter } from '../../lib/dead-letters/dead-letter';
import { matches } from '../../lib/dead-letters/filter';
import { headerText } from '../../lib/kafka/header-text';
import type { DeadLetterLog } from '../../lib/dead-letters/scan';
import { failureHeaders, isFailureHeader } from '../../lib/runtime/failure-headers';
import type { LogRecord } from '../../lib/kafka/log-reader';
import { deadLettersSchema } from '../../lib/kafka/topics/topics-config';
import { loadConfig } from '../../lib/process/config';
import { describeDecision, isoTime } from './list';
import { chosenPlaces, filterOf, type FilterOptions } from './options';
import { scanPlaces, withDeadLetters } from './session';
import { exitCodes, type ExitCode } from '../exit-codes';
import { printResult } from '../output';

interface ShowOptions extends FilterOptions {
  readonly all?: boolean;
  readonly bytes?: boolean;
}

/** The decoded value, or why it could not be decoded. */
interface ShownValue {
  readonly decoded?: unknown;
  readonly undecoded?: string;
  /** Only on request. */
  readonly hex?: string;
}

interface ShownLetter extends DeadLetter, ShownValue {
  readonly errorMessage: string | null;
  /** The record's own. */
  readonly headers: Readonly<Record<string, string>>;
}

type Decode = (bytes: Buffer | null) => unknown;

const shownDefault = 10;
const hexBytes = 64;

export async function show(options: ShowOptions, signal: AbortSignal): Promise<ExitCode> {
  const config = loadConfig(deadLettersSchema, process.env);
  const decode = oneSilence(createWriterDecoder(openRegistry(config)));
  const places = chosenPlaces(config.AFTERBUILD_NAMESPACE, options);
  const filter = filterOf(options);
  const shown = await withDeadLetters(async ({ log, existing }) => {
    const scanned = await scanPlaces(log, await existing(places), signal);
    const letters = scanned
      .flatMap((one) => one.letters)
      .filter((letter) => options.all === true || letter.settled === null)
      .filter((letter) => matches(letter, filter))
      .slice(0, options.limit ?? shownDefault);
    return showEach(log, letters, decode, options.bytes === true);
  });
  printResult(
    options,
    shown,
    shown.length === 0 ? ['No dead letter fits.'] : shown.flatMap(describeLetter),
  );
  return exitCodes.ok;
}

/** A registry that did not answer once is not waited for with each letter. */
function oneSilence(decode: Decode): Decode {
  let silence: RegistryUnavailableError | undefined;
  return async (bytes) => {
    if (silence) throw silence;
    try {
      return await decode(bytes);
    } catch (error) {
      if (error instanceof RegistryUnavailableError) silence = error;
      throw error;
    }
  };
}

async function showEach(
  log: DeadLetterLog,
  letters: readonly DeadLetter[],
  decode: Decode,
  withBytes: boolean,
): Promise<ShownLetter[]> {
  const shown: ShownLetter[] = [];
  for (const letter of letters) {
    for await (const record of log.read(letter, letter.offset, letter.offset + 1)) {
      shown.push({
        ...letter,
        errorMessage: headerText(record.headers, failureHeaders.errorMessage),
        headers: ownHeaders(record.headers),
        ...(await showValue(record.value, decode, withBytes)),
      });
    }
  }
  return shown;
}

export async function showValue(
  value: Buffer | null,
  decode: Decode,
  withBytes: boolean,
): Promise<ShownValue> {
  if (value === null) return { undecoded: 'there is none (a tombstone)' };
  try {
    return { decoded: printable(await decode(value)) };
  } catch (error) {
    const undecoded = error instanceof Error ? error.message : String(error);
    return withBytes
      ? { undecoded, hex: value.subarray(0, hexBytes).toString('hex') }
      : { undecoded };
  }
}

/** Bytes within a value are shown by their length only: they may hold anything. */
function printable(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return `<${value.length} bytes>`;
  if (Array.isArray(value)) return value.map(printable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, printable(own)]));
}

const secretName = /authorization|cookie|credential|password|secret|token|api-?key/i;

/** Headers of foreign records may carry a login: only their names are shown. */
export function ownHeaders(headers: LogRecord['headers']): Record<string, string> {
  const own = Object.keys(headers).filter((name) => !isFailureHeader(name));
  return Object.fromEntries(
    own.map((name) => [
      name,
      secretName.test(name) ? '[redacted]' : (headerText(headers, name) ?? ''),
    ]),
  );
}

function describeLetter(letter: ShownLetter): string[] {
  const { topic, partition, offset, settled, decision, origin, redriveCount, redriveId } = letter;
  const state =
    settled === null || decision === null ? 'waiting' : describeDecision(settled, decision);
  const from =
    origin === null
      ? 'unknown'
      : `${origin.topic} partition ${origin.partition} offset ${origin.offset}, written ${isoTime(origin.timestampMs)}`;
  const redrives =
    redriveCount === 0 ? [] : [`  redriven  ${redriveCount} times, last as ${redriveId ?? '?'}`];
  return [
    `${topic} partition ${partition} offset ${offset}: ${state}`,
    `  origin    ${from}`,
    `  group     ${letter.group ?? 'unknown'}`,
    `  failed    ${failures(letter)}`,
    `  error     ${describeError(letter)}`,
    ...redrives,
    `  key       ${letter.key ?? 'none'}`,
    ...Object.entries(letter.headers).map(([name, text]) => `  header    ${name}: ${text}`),
    ...describeValue(letter),
  ];
}

function failures({ attempts, firstFailureAtMs, lastFailureAtMs }: DeadLetter): string {
  const first = firstFailureAtMs === null ? '' : `, first ${isoTime(firstFailureAtMs)}`;
  return `${attempts ?? '?'} times${first}, last ${isoTime(lastFailureAtMs)}`;
}

const describeError = ({ errorKind, reason, errorClass, errorMessage }: ShownLetter): string =>
  `${errorKind ?? 'unknown'}${reason === null ? '' : ` (${reason})`} ${errorClass ?? ''}: ${errorMessage ?? ''}`;

function describeValue({ valueBytes, decoded, undecoded, hex }: ShownLetter): string[] {
  const length = `${valueBytes ?? 0} bytes`;
  if (undecoded === undefined) return [`  value     ${length}: ${JSON.stringify(decoded)}`];
  return [
    `  value     ${length}, not decoded: ${undecoded}`,
    ...(hex === undefined ? [] : [`  bytes     ${hex}`]),
  ];
}
