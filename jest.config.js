// `unit` needs no server and stands beside the code; `scenarios` (and the conformance suites of real
// adapters) share one real stack that globalSetup starts and globalTeardown stops; `brokers` are the
// scenarios on a stack of their own, of three secure brokers.
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
      setupFilesAfterEnv: ['<rootDir>/test/support/unit-patience.ts'],
    },
    {
      ...common,
      displayName: 'scenarios',
      testMatch: ['<rootDir>/test/{scenarios,conformance}/**/*.test.ts'],
      testPathIgnorePatterns: ['<rootDir>/test/scenarios/brokers/'],
      globalSetup: '<rootDir>/test/support/stack/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/stack/global-teardown.ts',
      setupFilesAfterEnv: ['<rootDir>/test/support/stack/patience.ts'],
    },
    {
      ...common,
      displayName: 'brokers',
      testMatch: ['<rootDir>/test/scenarios/brokers/*.test.ts'],
      globalSetup: '<rootDir>/test/support/stack/global-setup-brokers.ts',
      globalTeardown: '<rootDir>/test/support/stack/global-teardown-brokers.ts',
      setupFilesAfterEnv: [
        '<rootDir>/test/support/stack/patience.ts',
        '<rootDir>/test/support/stack/stack-of-brokers.ts',
      ],
    },
  ],
};
