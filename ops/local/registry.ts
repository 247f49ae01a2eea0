/** The schema registry: Apicurio on a database file, spoken to through its Confluent API. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { javaTool } from './java';
import { answersHttp, type Command, type Place, type Server } from './server';

/** Base address of the API that Confluent's registry has too. */
export const registryUrl = (place: Place): string =>
  `http://127.0.0.1:${place.ports.registry}/apis/ccompat/v7`;

function runnerJar(place: Place): string {
  const jar = readdirSync(place.files.registry).find((file) => file.endsWith('-runner.jar'));
  if (jar === undefined) throw new Error(`${place.files.registry} holds no -runner.jar.`);
  return join(place.files.registry, jar);
}

export const registry: Server = {
  title: 'schema registry',
  configure: () => Promise.resolve(),
  start(place): Command {
    // In memory, the default, ids are lost while Kafka keeps bytes that need them; without WRITE_DELAY=0
    // a killed registry forgets its last schema and gives the same id to the next one.
    const file = join(place.dataDir, 'registry', 'db');
    return {
      file: javaTool('java'),
      args: ['-Xmx384m', '-Dquarkus.http.host=127.0.0.1', '-jar', runnerJar(place)],
      env: {
        REGISTRY_DATASOURCE_URL: `jdbc:h2:file:${file};WRITE_DELAY=0`,
        HTTP_PORT: String(place.ports.registry),
      },
    };
  },
  ready: (place) => answersHttp(`${registryUrl(place)}/subjects`, 200),
  stop: { signal: 'SIGTERM', graceMs: 30_000 },
};
