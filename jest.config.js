// Two projects: `unit` needs no server and stands beside the code; `scenarios` (and the conformance
// suites of real adapters) share one real stack that globalSetup starts and globalTeardown stops.
const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
  ],
};
const common = {
  testEnvironment: 'node',
  transform,
  // PostgreSQL has snapshots of its own in the local data: jest -u would take them for its own, and remove them.
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.afterbuild/'],
};

module.exports = {
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/{producers,consumers,schemas,connect,lib,cli,ops,test}/**/*.test.ts'],
      testPathIgnorePatterns: ['<rootDir>/test/scenarios/', '<rootDir>/test/conformance/'],
    },
    {
      ...common,
      displayName: 'scenarios',
      testMatch: ['<rootDir>/test/{scenarios,conformance}/**/*.test.ts'],
      globalSetup: '<rootDir>/test/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/global-teardown.ts',
      setupFilesAfterEnv: ['<rootDir>/test/support/patience.ts'],
    },
  ],
};
