/** The schema registry: Apicurio on a database file, used through its Confluent API. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { javaOfAtLeast, javaTool } from '../fetch/java';
import { answersHttp, type Command, type Place, type Server } from './server';

/** Base address of the API that Confluent's registry has too. */
export const registryUrl = (place: Place): string =>
  `http://127.0.0.1:${place.ports.registry}/apis/ccompat/v7`;

/** Version 2 is one jar; version 3 is a folder with one that starts it, and has other variables. */
function runnerJar(place: Place): string {
  const files = readdirSync(place.files.registry);
  const jar = files.find((file) => file.endsWith('-runner.jar') || file === 'quarkus-run.jar');
  if (jar === undefined) throw new Error(`${place.files.registry} holds no jar to run.`);
  return join(place.files.registry, jar);
}

export const registry: Server = {
  title: 'schema registry',
  configure: () => Promise.resolve(),
  start(place): Command {
    // In memory, the default, ids are lost while Kafka keeps bytes that need them; without WRITE_DELAY=0
    // a killed registry forgets its last schema and gives the same id to the next one.
    const url = `jdbc:h2:file:${join(place.dataDir, 'registry', 'db')};WRITE_DELAY=0`;
    const jar = runnerJar(place);
    const args = ['-Xmx384m', '-Dquarkus.http.host=127.0.0.1', '-jar', jar];
    const port = String(place.ports.registry);
    if (basename(jar) !== 'quarkus-run.jar') {
      const env = { REGISTRY_DATASOURCE_URL: url, HTTP_PORT: port };
      return { file: javaTool('java'), args, env };
    }
    const env = {
      APICURIO_STORAGE_KIND: 'sql',
      APICURIO_STORAGE_SQL_KIND: 'h2',
      APICURIO_DATASOURCE_URL: url,
      QUARKUS_HTTP_PORT: port,
    };
    return { file: javaOfAtLeast(21), args, env };
  },
  ready: (place) => answersHttp(`${registryUrl(place)}/subjects`, 200),
  stop: { signal: 'SIGTERM', graceMs: 30_000 },
};
