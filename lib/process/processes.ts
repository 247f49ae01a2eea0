/**
 * The processes of the pipeline, each declared once: commands, flags, status, rights, the demonstration and the tests read
 * it from here. Producers come first: they are stopped first, so that no new work comes while the rest drains.
 */
export const processes = {
  'expired-artifacts': { kind: 'producer', role: 'reader', feeds: 'artifact-deleter' },
  'finished-builds': { kind: 'producer', role: 'reader', feeds: 'trace-archiver' },
  'artifact-deleter': { kind: 'consumer', role: 'deleter', feeds: null },
  'trace-archiver': { kind: 'consumer', role: 'archiver', feeds: null },
} as const satisfies Readonly<Record<string, ProcessDeclaration>>;

interface ProcessDeclaration {
  /** Its folder: `producers/<name>` or `consumers/<name>`. */
  readonly kind: 'producer' | 'consumer';
  /** Its role in the database (schemas/sql/0001-roles.sql), without `afterbuild_`. */
  readonly role: 'reader' | 'deleter' | 'archiver';
  /** The consumer of its records; null for a consumer. */
  readonly feeds: string | null;
}

/** Also the names of their consumer groups. */
export type ProcessName = keyof typeof processes;

export const processNames = Object.keys(processes) as readonly ProcessName[];

export const isProcessName = (name: string): name is ProcessName => Object.hasOwn(processes, name);

const isProducer = (name: ProcessName): boolean => processes[name].kind === 'producer';
export const producerNames: readonly ProcessName[] = processNames.filter(isProducer);
export const consumerNames: readonly ProcessName[] = processNames.filter(
  (name) => !isProducer(name),
);

/** Stands for every process in a flag. */
export const everyProcess = 'all';
