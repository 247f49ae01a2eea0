/** Reads the project's own Avro schemas, which lie beside the code and not in `dist/`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { projectRoot } from '../process/root';

const recordSchema = z.looseObject({
  type: z.literal('record'),
  name: z.string(),
  namespace: z.string().optional(),
  fields: z.array(z.unknown()),
});

/** A parsed `.avsc`. */
export type RecordSchema = z.output<typeof recordSchema>;

/** @param name as in `topics.ts`, for example `artifacts.expired`. @throws Error naming the file. */
export function loadSchema(name: string): RecordSchema {
  const path = join(projectRoot, 'schemas', `${name}.avsc`);
  try {
    return recordSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new Error(`${path} is not a readable Avro record schema.`, { cause: error });
  }
}
