/**
 * The schema registry behind its Confluent API, with what the client library lacks: a time limit on every call, a
 * memory for ids that do not exist, and a distinction between two kinds of failure.
 *
 * An unavailable registry makes records wait; an id that an available registry does not know makes its lane hold.
 */
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import type { Type } from 'avsc';
import { UndecodableRecordError } from '../runtime/poison';
import type { Clock } from '../process/clock';
import { within } from '../process/within';
import type { RecordSchema } from './schema-file';

/** The registry does not answer, or its answer makes no sense: try again. */
export class RegistryUnavailableError extends Error {
  override readonly name = 'RegistryUnavailableError';
}

export interface RegistryOptions {
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** For one call. Default 5 s. */
  readonly timeoutMs?: number;
  /** How long an unknown id is not requested again. Default 30 s: a new schema may take that long to arrive. */
  readonly unknownIdMs?: number;
  readonly clock: Clock;
}

export interface Registry {
  /**
   * Registers the schema, which must be able to read every record of the topic (BACKWARD_TRANSITIVE).
   * @returns its id, the same one each time.
   * @throws RegistryUnavailableError, or Error when the registry refuses the schema.
   */
  register(subject: string, schema: RecordSchema): Promise<number>;
  /**
   * The type that a record was written with.
   * @throws RegistryUnavailableError, or UndecodableRecordError when no schema has that id.
   */
  writerType(id: number): Promise<Type>;
  /** The same without a request: undefined when it has not been read yet. */
  knownType(id: number): Type | undefined;
}

export function createRegistry(options: RegistryOptions): Registry {
  return new CachingRegistry(options);
}

const level = COMPATIBILITY.BACKWARD_TRANSITIVE;

class CachingRegistry implements Registry {
  readonly #client: SchemaRegistry;
  readonly #timeoutMs: number;
  readonly #unknownIdMs: number;
  readonly #clock: Clock;
  readonly #url: string;
  readonly #authorization: Readonly<Record<string, string>>;
  readonly #types = new Map<number, Type>();
  /** Ids that do not exist, and until when they are not requested again. */
  readonly #unknown = new Map<number, number>();

  constructor({ url, username, password, timeoutMs, unknownIdMs, clock }: RegistryOptions) {
    this.#url = url;
    this.#timeoutMs = timeoutMs ?? 5_000;
    this.#unknownIdMs = unknownIdMs ?? 30_000;
    this.#clock = clock;
    const isKnown = username !== undefined && password !== undefined;
    const basic = Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64');
    this.#authorization = isKnown ? { authorization: `Basic ${basic}` } : {};
    this.#client = new SchemaRegistry({
      host: url,
      clientId: 'afterbuild',
      // The caller retries without a limit; retries here would only blur the time limit.
      retry: { retries: 0 },
      ...(isKnown ? { auth: { username, password } } : {}),
    });
  }

  async register(subject: string, schema: RecordSchema): Promise<number> {
    try {
      return await this.#register(subject, schema);
    } catch (error) {
      if (!hasNoLevel(error)) throw error;
      await this.#ask(this.#setLevel(subject), (refused) => {
        const cause = { cause: refused };
        return new Error(`The registry refuses ${level} as the level of ${subject}.`, cause);
      });
      return this.#register(subject, schema);
    }
  }

  /** The library sets the compatibility level with a subject's first version only. */
  async #setLevel(subject: string): Promise<void> {
    const url = `${this.#url.replace(/\/+$/, '')}/config/${encodeURIComponent(subject)}`;
    const answer = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json', ...this.#authorization },
      body: JSON.stringify({ compatibility: level }),
      signal: AbortSignal.timeout(this.#timeoutMs),
    });
    if (answer.ok) return;
    throw Object.assign(new Error(`it answered ${answer.status}`), { status: answer.status });
  }

  async #register(subject: string, schema: RecordSchema): Promise<number> {
    const confluent = { type: SchemaType.AVRO as const, schema: JSON.stringify(schema) };
    const { id } = await this.#ask(
      this.#client.register(confluent, {
        subject,
        compatibility: level,
      }),
      (error) =>
        new Error(
          `The registry refuses the schema of ${subject}: ${error.message}. Every version must be able to ` +
            'read what the versions before it have written.',
          { cause: error },
        ),
    );
    return id;
  }

  knownType(id: number): Type | undefined {
    return this.#types.get(id);
  }

  async writerType(id: number): Promise<Type> {
    const known = this.#types.get(id);
    if (known) return known;
    if ((this.#unknown.get(id) ?? -Infinity) > this.#clock.nowMs()) throw unknownSchema(id);
    const type = await this.#ask(this.#client.getSchema(id), () => {
      this.#unknown.set(id, this.#clock.nowMs() + this.#unknownIdMs);
      return unknownSchema(id);
    });
    this.#unknown.delete(id);
    this.#types.set(id, type as unknown as Type);
    return type as unknown as Type;
  }

  /** @param refused the error for an answer that would be the same next time. */
  async #ask<T>(call: Promise<T>, refused: (error: Error) => Error): Promise<T> {
    const late = Symbol('late');
    let answer: T | typeof late;
    try {
      answer = await within<T | typeof late>(this.#clock, this.#timeoutMs, call, late);
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      throw isRefusal(error) ? refused(error) : this.#unavailable(error.message, error);
    }
    if (answer === late) throw this.#unavailable(`no answer within ${this.#timeoutMs} ms`);
    return answer;
  }

  #unavailable(reason: string, cause?: Error): RegistryUnavailableError {
    const message = `The schema registry at ${this.#url} is not available: ${reason}.`;
    return new RegistryUnavailableError(message, { cause });
  }
}

const unknownSchema = (id: number): UndecodableRecordError =>
  new UndecodableRecordError(
    `The registry knows no usable schema with id ${id}: the record was written against another registry, ` +
      'or the registry has lost it.',
    // The registry may have been restored from an old backup: then no record is at fault.
    null,
  );

/**
 * Not found, in conflict, not a valid schema: these answers come from the registry itself. Any other is trouble on the
 * way; 400 too, since the library also reports that when the connection was refused.
 */
const refusals: ReadonlySet<unknown> = new Set([404, 409, 422]);

/**
 * A subject without a level of its own answers NONE (Apicurio), as one does whose level was set to that. Ours is
 * stricter, and existing versions are checked against it when the next version comes.
 */
function hasNoLevel(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && isMismatch(cause) && cause.message.includes('!= NONE)');
}

const isMismatch = ({ name }: Error): boolean =>
  name === 'ConfluentSchemaRegistryCompatibilityError';

function isRefusal(error: Error & { status?: unknown }): boolean {
  return isMismatch(error) || refusals.has(error.status);
}
