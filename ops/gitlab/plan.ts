/**
 * Plans the content of a seeded GitLab. Pure: the same for the same seed, with exact shares.
 *
 * Of N artifacts 80 % end deleted and 20 % end kept, in every variety of either; a fifth of all share one midnight, as
 * after GitLab's own migration of old artifacts.
 */
import { artifactLocked, fileLocation, fileStore, fileType } from '../../lib/gitlab/enums';
import { projectHashPath } from '../../lib/gitlab/object-key';
import type { Random } from './random';

const goingFates = [
  'expired',
  'midnight',
  'expires-soon',
  'unlocked-later',
  'moved-to-past',
] as const;
const stayingFates = [
  'locked-midnight',
  'locked',
  'unknown',
  'local',
  'never',
  'not-yet',
  'locked-later',
  'extended-later',
] as const;

export type Fate = (typeof goingFates)[number] | (typeof stayingFates)[number];

/** How many of `artifacts` have each fate. The first list ends deleted, the second kept. */
export function shareOut(artifacts: number): ReadonlyMap<Fate, number> {
  const going = Math.floor((artifacts * 4) / 5);
  const staying = artifacts - going;
  const tied = Math.floor(artifacts / 5);
  const tiedGoing = Math.min(going, Math.floor((tied * 3) / 4));
  const tiedStaying = Math.min(staying, tied - tiedGoing);
  const shares = new Map<Fate, number>();
  const give = (parts: readonly (readonly [Fate, number])[], rest: Fate, total: number): void => {
    let left = total;
    for (const [fate, part] of parts) {
      const share = Math.min(left, Math.floor(part));
      shares.set(fate, share);
      left -= share;
    }
    shares.set(rest, left);
  };
  give(
    [
      ['midnight', tiedGoing],
      ['unlocked-later', going / 20],
      ['expires-soon', going / 50],
      ['moved-to-past', going / 50],
    ],
    'expired',
    going,
  );
  give(
    [
      ['locked-midnight', tiedStaying],
      ['locked', staying / 6],
      ['unknown', staying / 10],
      ['local', staying / 10],
      ['not-yet', staying / 6],
      ['locked-later', staying / 20],
      ['extended-later', staying / 20],
    ],
    'never',
    staying,
  );
  return shares;
}

export function isGoing(fate: Fate): boolean {
  return (goingFates as readonly Fate[]).includes(fate);
}

export type KeyKind = 'hashed' | 'legacy' | 'final';

interface ArtifactPlan {
  readonly fate: Fate;
  readonly fileType: number;
  readonly file: string;
  readonly expireAtMs: number | null;
  readonly locked: number;
  readonly fileStore: number;
  readonly fileLocation: number | null;
  readonly fileFinalPath: string | null;
  readonly sizeBytes: number;
  readonly hasGeoState: boolean;
  readonly hasReport: boolean;
}

interface JobPlan {
  readonly createdAtMs: number;
  readonly artifacts: readonly ArtifactPlan[];
}

export interface PipelinePlan {
  readonly partitionId: number;
  readonly projectId: number;
  readonly locked: boolean;
  /** Whether GitLab unlocks it while the pipeline runs. */
  readonly unlocks: boolean;
  readonly jobs: readonly JobPlan[];
}

interface PlanInput {
  readonly artifacts: number;
  readonly random: Random;
  /** The database's clock at the start of the seeding. */
  readonly baseMs: number;
  readonly projectIds: readonly number[];
}

/** 100 and 101 share a physical partition, 102 has its own. */
const partitionIds = [100, 100, 100, 100, 101, 101, 102, 102, 102, 102];

const dayMs = 86_400_000;
const everyType = Object.entries(fileType).filter(([name]) => name !== 'trace');

/** The name that GitLab's runner would upload: one for each type, so that legacy keys of a job differ. */
export function fileNameOf(type: number): string {
  if (type === fileType.archive) return 'artifacts.zip';
  if (type === fileType.metadata) return 'metadata.gz';
  if (type === fileType.trace) return 'job.log';
  const name = everyType.find(([, code]) => code === type)?.[0] ?? `type-${type}`;
  return `gl-${name.replace(/[A-Z0-9]+/g, (part) => `-${part.toLowerCase()}`)}-report.json`;
}

/** The columns that form the key of a new artifact of the given kind. */
export function keyColumns(
  kind: KeyKind,
  projectId: number,
  random: Random,
): Pick<ArtifactPlan, 'fileLocation' | 'fileFinalPath'> {
  if (kind === 'legacy') return { fileLocation: fileLocation.legacy, fileFinalPath: null };
  if (kind === 'final') return { fileLocation: 2, fileFinalPath: finalPath(projectId, random) };
  // Null counts as hashed: some of GitLab's old rows have it.
  return { fileLocation: random.whole(1, 10) === 1 ? null : 2, fileFinalPath: null };
}

/** A key of GitLab's direct upload: random, known before the row. */
export function finalPath(projectId: number, random: Random): string {
  const name = random.hex(64);
  const folders = `${name.slice(0, 2)}/${name.slice(2, 4)}`;
  return `${projectHashPath(projectId)}/@final/${folders}/${name.slice(4)}`;
}

/** A midnight UTC about a month back, the one that a fifth of all artifacts share. */
export function sharedMidnightMs(baseMs: number): number {
  return Math.floor(baseMs / dayMs - 30) * dayMs;
}

/** The expiry relative to the start of the seeding: [from, to] in milliseconds. */
const expiryMs: Readonly<Partial<Record<Fate, readonly [number, number]>>> = {
  'expires-soon': [2_000, 15_000],
  'not-yet': [dayMs, 60 * dayMs],
  'moved-to-past': [dayMs, 60 * dayMs],
  'locked-later': [dayMs / 24, dayMs],
  'extended-later': [dayMs / 24, dayMs],
};
const pastMs = [-90 * dayMs, -60_000] as const;

function expireAtMs(fate: Fate, baseMs: number, random: Random): number | null {
  if (fate === 'never') return null;
  if (fate === 'midnight' || fate === 'locked-midnight') return sharedMidnightMs(baseMs);
  return baseMs + random.whole(...(expiryMs[fate] ?? pastMs));
}

function lockedOf(fate: Fate): number {
  if (fate === 'unknown') return artifactLocked.unknown;
  const locked = fate === 'locked' || fate === 'locked-midnight' || fate === 'unlocked-later';
  return locked ? artifactLocked.artifactsLocked : artifactLocked.unlocked;
}

function planArtifact(
  fate: Fate,
  type: number,
  projectId: number,
  { random, baseMs }: PlanInput,
): ArtifactPlan {
  const dice = random.whole(1, 20);
  const kind: KeyKind = dice <= 12 ? 'hashed' : dice <= 15 ? 'legacy' : 'final';
  return {
    fate,
    fileType: type,
    file: fileNameOf(type),
    expireAtMs: expireAtMs(fate, baseMs, random),
    locked: lockedOf(fate),
    fileStore: fate === 'local' ? fileStore.local : fileStore.remote,
    ...keyColumns(fate === 'local' ? 'hashed' : kind, projectId, random),
    sizeBytes: random.whole(1, 8) === 1 ? random.whole(1_024, 4_096) : random.whole(40, 600),
    hasGeoState: random.whole(1, 10) === 1,
    hasReport: random.whole(1, 20) === 1,
  };
}

/** Three classes, since an artifact takes `locked` from its pipeline. */
function classOf(fate: Fate): number {
  if (fate === 'locked' || fate === 'locked-midnight') return 0;
  return fate === 'unlocked-later' ? 1 : 2;
}

/** All fates of each class, shuffled, as numbers: one byte for each artifact. */
function shuffledFates({ artifacts, random }: PlanInput): { codes: Uint8Array; taken: number }[] {
  const shares = [...shareOut(artifacts)];
  return [0, 1, 2].map((wanted) => {
    const own = shares.filter(([fate]) => classOf(fate) === wanted);
    const codes = new Uint8Array(own.reduce((sum, [, share]) => sum + share, 0));
    let at = 0;
    for (const [fate, share] of own) codes.fill(fateCodes.indexOf(fate), at, (at += share));
    return { codes: random.shuffle(codes), taken: 0 };
  });
}

const fateCodes: readonly Fate[] = [...goingFates, ...stayingFates];

/** Makes the pipelines one by one, so that 200,000 artifacts are never in memory at once. */
export function* planPipelines(input: PlanInput): Generator<PipelinePlan> {
  const { random } = input;
  const classes = shuffledFates(input);
  let left = input.artifacts;
  while (left > 0) {
    let place = random.whole(0, left - 1);
    const chosen = classes.findIndex(({ codes, taken }) => (place -= codes.length - taken) < 0);
    const queue = classes[chosen] as (typeof classes)[number];
    const projectId = random.oneOf(input.projectIds);
    const jobs: JobPlan[] = [];
    for (let jobsLeft = random.whole(1, 6); jobsLeft > 0; jobsLeft -= 1) {
      const codes = queue.codes.subarray(queue.taken, queue.taken + random.whole(3, 5));
      if (codes.length === 0) break;
      queue.taken += codes.length;
      left -= codes.length;
      jobs.push(planJob(codes, projectId, input));
    }
    const partitionId = random.oneOf(partitionIds);
    yield { partitionId, projectId, locked: chosen !== 2, unlocks: chosen === 1, jobs };
  }
}

function planJob(codes: Uint8Array, projectId: number, input: PlanInput): JobPlan {
  const { random, baseMs } = input;
  const types = new Set<number>();
  while (types.size < codes.length) types.add(random.oneOf(everyType)[1]);
  const createdAtMs = baseMs - random.whole(91 * dayMs, 400 * dayMs);
  const artifacts = [...types].map((type, index) =>
    planArtifact(fateCodes[codes[index] as number] as Fate, type, projectId, input),
  );
  return { createdAtMs, artifacts };
}
