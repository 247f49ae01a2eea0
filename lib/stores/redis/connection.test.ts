import { redisSettings, traceChunksSettings } from './connection';

const shared = {
  REDIS_HOST: '127.0.0.1',
  REDIS_PORT: 6379,
  REDIS_DB: 0,
  CLEAR_TEXT_PASSWORDS: 'refuse' as 'refuse' | 'allow',
  REDIS_PASSWORD_FILE: __filename,
};

test('AUTH sends a password: without TLS to this machine only, for either Redis', () => {
  expect(() => redisSettings(shared)).not.toThrow();
  expect(() => redisSettings({ ...shared, REDIS_HOST: '10.0.0.7' })).toThrow(
    /REDIS_PASSWORD_FILE is set and REDIS_TLS_CA_FILE is not: .*clear text/,
  );
  const chunks = { ...shared, REDIS_TRACE_CHUNKS_HOST: 'chunks.example' };
  expect(() => traceChunksSettings(chunks)).not.toThrow();
  const file = { REDIS_TRACE_CHUNKS_PASSWORD_FILE: __filename };
  expect(() => traceChunksSettings({ ...chunks, ...file })).toThrow(
    /REDIS_TRACE_CHUNKS_PASSWORD_FILE/,
  );
  const allowed = { ...chunks, ...file, CLEAR_TEXT_PASSWORDS: 'allow' as const };
  expect(traceChunksSettings(allowed).host).toBe('chunks.example');
});
