#!/usr/bin/env bash
# A Lua script may write as much as it likes into a Redis that has reached maxmemory under noeviction, if its first write
# needs no memory, even one that changes nothing: DEL of a key that is not there. A script that begins with the SET itself is
# refused, and so is SET alone. Redis asks for room before the first write of a script only, since it could not stop in the
# middle; what the first write is decides for all that follow. Two ways to be surprised: a script that counts something and
# tidies up first grows a full Redis without an error, and the same script is refused as soon as it has nothing to tidy up.
# Seen on Redis 6.2.11 (com.github.codemonstur:embedded-redis 1.4.3): SET refused; EVAL of SET refused; EVAL of DEL and SET of
# 1 MiB done, used_memory 1.3 MB further beyond maxmemory. Likewise RENAMENX, which adds nothing: done by itself, but a
# transaction of nothing else ends with EXECABORT, since a full Redis queues no command.
# Needs Java 17 or newer with Maven, and Node; fetches about 15 MB. Linux on x64 or arm64.
set -euo pipefail
folder=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; fi; rm -rf "$folder"' EXIT
cd "$folder"
mvn --batch-mode --quiet org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
  -Dartifact=com.github.codemonstur:embedded-redis:1.4.3 -DoutputDirectory=.
node -e 'process.exit(process.platform === "linux" ? 0 : 1)'
arch=$(node -p 'process.arch === "x64" ? "amd64" : process.arch')
unzip -q -o embedded-redis-1.4.3.jar "redis-server-*linux-$arch"
binary=$(ls redis-server-*linux-"$arch" | head -1)
chmod +x "$binary"
port=$(node -e 'const s = require("node:net").createServer(); s.listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); });')
"./$binary" --port "$port" --bind 127.0.0.1 --save '' --maxmemory-policy noeviction >redis.log 2>&1 &
server=$!
npm init --yes >/dev/null
npm install --silent --no-fund --no-audit --save-exact ioredis@5.8.2
cat >look.js <<'JS'
const assert = require('node:assert');
const Redis = require('ioredis');
const redis = new Redis({ port: Number(process.argv[2]), host: '127.0.0.1' });
redis.on('error', () => undefined);
const used = async () => Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))[1]);
const answer = (work) => work.then((value) => String(value), (error) => (/OOM command/.test(error.message) ? 'OOM' : error.message));
const bytes = 'x'.repeat(1_048_576);
async function look() {
  console.log('Redis', /^redis_version:(.*)$/m.exec(await redis.info('server'))[1].trim());
  await redis.set('there', 'x');
  await redis.config('SET', 'maxmemory', Math.floor((await used()) * 0.9));
  const alone = await answer(redis.set('a', bytes));
  const script = await answer(redis.eval("return redis.call('SET', KEYS[1], ARGV[1])", 1, 'b', bytes));
  const before = await used();
  const tidying = await answer(
    redis.eval("redis.call('DEL', KEYS[1]); return redis.call('SET', KEYS[1], ARGV[1])", 1, 'c', bytes),
  );
  const grown = (await used()) - before;
  const renamed = await answer(redis.renamenx('there', 'elsewhere'));
  const inMulti = await answer(
    redis.multi().renamenx("elsewhere", "there").exec().then((all) => JSON.stringify(all)),
  );
  console.log({ alone, script, tidying, grownBytes: grown, renamed, inMulti });
  assert.deepStrictEqual([alone, script, tidying, renamed], ['OOM', 'OOM', 'OK', '1']);
  assert.match(inMulti, /^EXECABORT/);
  assert.ok(grown > 1_000_000);
  console.log('as described');
}
look().then(
  () => redis.disconnect(),
  (error) => {
    console.log(`something has changed: ${error.message}`);
    process.exit(1);
  },
);
JS
node look.js "$port"
