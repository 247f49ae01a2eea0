/**
 * Computes where GitLab keeps an artifact's object: the one place that knows the three shapes of key. Source: GitLab's
 * HashedPath and JobArtifactUploader.
 */
import { createHash } from 'node:crypto';
import { fileLocation } from './enums';
import { hasTraceMark } from './trace-mark';

/** The columns that an object's key is made of. */
export interface ArtifactKeyColumns {
  readonly id: number;
  readonly projectId: number;
  readonly jobId: number;
  /** UTC date of `created_at` in days since 1970-01-01: a key holds no more of it. */
  readonly createdOnDays: number;
  /** File name; null when nothing was ever stored. */
  readonly file: string | null;
  /** 1 legacy, 2 hashed; null counts as hashed. */
  readonly fileLocation: number | null;
  /** When set, this is the key, and the other columns do not matter. */
  readonly fileFinalPath: string | null;
}

/** A key that must not be used, because it could name the object of another artifact. */
export class UnusableObjectKeyError extends Error {
  override readonly name = 'UnusableObjectKeyError';
}

/** GitLab's keys name the year by four digits: days since 1970-01-01 of the years 1 to 9999. */
export const firstKeyDay = -719_162;
export const lastKeyDay = 2_932_896;

const hashedPrefixes = new Map<number, string>();
const hashedPrefixesKept = 50_000;

/** `<2>/<2>/<64 hex>` of the SHA-256 of the decimal project id. */
export function projectHashPath(projectId: number): string {
  const known = hashedPrefixes.get(projectId);
  if (known !== undefined) return known;
  const hash = createHash('sha256').update(String(projectId)).digest('hex');
  const path = `${hash.slice(0, 2)}/${hash.slice(2, 4)}/${hash}`;
  if (hashedPrefixes.size >= hashedPrefixesKept) hashedPrefixes.clear();
  hashedPrefixes.set(projectId, path);
  return path;
}

/**
 * The key of an artifact's object, or null when the row never had one (no file name, no final path).
 * @throws UnusableObjectKeyError for names with `..`, empty parts, control characters, over 1,024 bytes, or for years
 * without exactly four digits.
 */
export function artifactObjectKey(artifact: ArtifactKeyColumns): string | null {
  if (artifact.fileFinalPath !== null && artifact.fileFinalPath !== '') {
    return checkedKey(artifact.fileFinalPath);
  }
  if (artifact.file === null || artifact.file === '') return null;
  if (artifact.file.includes('/')) throw new UnusableObjectKeyError('file name holds a slash');
  const date = dateOf(artifact.createdOnDays);
  if (artifact.fileLocation === fileLocation.legacy) {
    const month = date.slice(0, 7).replace('-', '_');
    return checkedKey(`${month}/${artifact.projectId}/${artifact.jobId}/${artifact.file}`);
  }
  const day = date.replaceAll('-', '_');
  const prefix = projectHashPath(artifact.projectId);
  return checkedKey(`${prefix}/${day}/${artifact.jobId}/${artifact.id}/${artifact.file}`);
}

/** PostgreSQL's dates go further than a key's four digits of the year, and further than JavaScript's. */
function dateOf(days: number): string {
  const date = new Date(days * 86_400_000);
  const year = Number.isNaN(date.getTime()) ? -1 : date.getUTCFullYear();
  if (year < 0 || year > 9_999) throw new UnusableObjectKeyError('no date of four digits');
  return date.toISOString().slice(0, 10);
}

/** S3 allows 1,024 bytes; GitLab's own column check allows as many characters. */
const keyBytesMax = 1024;

function checkedKey(key: string): string {
  if (Buffer.byteLength(key) > keyBytesMax)
    throw new UnusableObjectKeyError('key over 1,024 bytes');
  if (/[\u0000-\u001f\u007f]/.test(key))
    throw new UnusableObjectKeyError('key has a control character');
  if (key.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    throw new UnusableObjectKeyError('key has an empty, "." or ".." part');
  }
  return key;
}

const hex2 = '[0-9a-f]{2}';
const projectHash = `${hex2}/${hex2}/[0-9a-f]{64}`;
const hashedShape = new RegExp(`^${projectHash}/\\d{4}_\\d{2}_\\d{2}/\\d+/\\d+/[^/]+$`);
const finalShape = new RegExp(`^${projectHash}/@final/${hex2}/${hex2}/[0-9a-f]{60}$`);
const legacyShape = /^\d{4}_\d{2}\/\d+\/\d+\/[^/]+$/;

type ObjectShape = 'hashed' | 'final' | 'legacy' | 'foreign';

/** Which of the pipeline's shapes a key has; anything else is foreign and never touched. */
export function objectShape(key: string): ObjectShape {
  if (hashedShape.test(key)) return 'hashed';
  if (finalShape.test(key)) return 'final';
  if (legacyShape.test(key)) return 'legacy';
  return 'foreign';
}

/**
 * Whether a key names this artifact and nothing else, by its shape and by the ids in it. GitLab puts every final path
 * below the project's hash; a final path of any other shape may be another artifact's key, and one with the mark of a
 * trace names a trace, which no row may claim yet.
 */
export function namesArtifact(artifact: ArtifactKeyColumns, key: string): boolean {
  const shape = objectShape(key);
  if (artifact.fileFinalPath === null || artifact.fileFinalPath === '') {
    return shape === (artifact.fileLocation === fileLocation.legacy ? 'legacy' : 'hashed');
  }
  const isBelow = key.startsWith(`${projectHashPath(artifact.projectId)}/@final/`);
  return shape === 'final' && isBelow && !hasTraceMark(key);
}
