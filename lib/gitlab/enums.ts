/** GitLab's integer codes for artifacts and pipelines, as its own models number them. */

/** `p_ci_job_artifacts.locked` (concerns/ci/lockable). */
export const artifactLocked = { unlocked: 0, artifactsLocked: 1, unknown: 2 } as const;

/** `p_ci_job_artifacts.file_store`; null reads as local. */
export const fileStore = { local: 1, remote: 2 } as const;

/** `p_ci_job_artifacts.file_location`; null counts as hashed. */
export const fileLocation = { legacy: 1, hashed: 2 } as const;

/** `p_ci_job_artifacts.file_type` (concerns/enums/ci/job_artifact). Ten is no longer in use. */
export const fileType = {
  archive: 1,
  metadata: 2,
  trace: 3,
  junit: 4,
  sast: 5,
  dependencyScanning: 6,
  containerScanning: 7,
  dast: 8,
  codequality: 9,
  performance: 11,
  metrics: 12,
  metricsReferee: 13,
  networkReferee: 14,
  lsif: 15,
  dotenv: 16,
  cobertura: 17,
  terraform: 18,
  accessibility: 19,
  clusterApplications: 20,
  secretDetection: 21,
  requirements: 22,
  coverageFuzzing: 23,
  browserPerformance: 24,
  loadPerformance: 25,
  apiFuzzing: 26,
  clusterImageScanning: 27,
  cyclonedx: 28,
  requirementsV2: 29,
  annotations: 30,
  repositoryXray: 31,
  jacoco: 32,
  scip: 33,
  sarif: 34,
  licenseScanning: 101,
} as const;

/** `p_ci_builds.type` of the builds that have a trace; others share the table. */
export const buildType = 'Ci::Build';

/** `p_ci_builds.status` of the builds whose trace is archived: GitLab's scope `finished`, so not `skipped`. */
export const finishedStatuses = ['success', 'failed', 'canceled'] as const;
