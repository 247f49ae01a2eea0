/** The names of the processes of the pipeline, as flags and status use them. */
export const processNames = [
  'expired-artifacts',
  'finished-builds',
  'artifact-deleter',
  'trace-archiver',
] as const;

export type ProcessName = (typeof processNames)[number];

/** Stands for every process in a flag. */
export const everyProcess = 'all';
