import { openRegistry } from './open-registry';

const open = (url: string) => () =>
  openRegistry({
    SCHEMA_REGISTRY_URL: url,
    SCHEMA_REGISTRY_USERNAME: 'mona',
    SCHEMA_REGISTRY_PASSWORD_FILE: __filename,
  });

test('a password goes by TLS only, but on this machine', () => {
  expect(open('http://registry.example:8081')).toThrow(
    /SCHEMA_REGISTRY_URL is not https: .*clear text.*CLEAR_TEXT_PASSWORDS=allow/,
  );
  expect(open('https://registry.example')).not.toThrow();
  expect(open('http://127.0.0.1:8081')).not.toThrow();
  expect(open('http://[::1]:8081')).not.toThrow();
});
