/** The kinds of variables that the schemas of config.ts consist of: each checks one text. */
import { z } from 'zod';

export const port = z.coerce.number().int().min(1).max(65_535);
export const count = (fallback: number, min = 1, max = 1_000_000) =>
  z.coerce.number().int().min(min).max(max).default(fallback);
/** A login in an address would be shown wherever the address is. */
const url = (login: string) =>
  z.url({ protocol: /^https?$/ }).refine((text) => !hasLogin(text), `must hold no login: ${login}`);
const hasLogin = (text: string): boolean => {
  // Every check runs, even on text that is no address at all.
  if (!URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username !== '' || password !== '';
};
export const registryUrl = url('use SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD_FILE');
export const s3Url = url('use S3_ACCESS_KEY_ID_FILE and S3_SECRET_ACCESS_KEY_FILE');
export const connectUrl = url(
  'there is no variable for one yet, so Connect has to be reachable without',
);
export const host = z.string().regex(/^[^@\s]+$/, 'must be a host, without a login');
export const text = z.string().min(1);
