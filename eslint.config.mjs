import tseslint from 'typescript-eslint';

/** Only the clock, the composition roots and the tools outside the pipeline may touch these. */
const ambient = [
  {
    object: 'process',
    property: 'env',
    message: 'Read the environment in main.ts and pass config on.',
  },
  { object: 'Date', property: 'now', message: 'Take a Clock (lib/process/clock.ts).' },
  { object: 'Math', property: 'random', message: 'Take a random source as an argument.' },
];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', '.afterbuild/', 'schemas/generated.ts'] },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { project: './tsconfig.json' } },
    rules: {
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 50, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 10],
      'no-console': 'error',
      // `count += await …` in several lanes loses counts.
      'require-atomic-updates': ['error', { allowProperties: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ['producers/**/*.ts', 'consumers/**/*.ts', 'lib/**/*.ts', 'connect/**/*.ts'],
    ignores: ['**/main.ts', '**/*.test.ts', 'lib/process/clock.ts'],
    rules: { 'no-restricted-properties': ['error', ...ambient] },
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  { files: ['cli/**/*.ts', 'ops/**/*.ts', 'bench/**/*.ts'], rules: { 'no-console': 'off' } },
);
