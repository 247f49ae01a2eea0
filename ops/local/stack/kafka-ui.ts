/** A Kafka UI for the browser that only reads: kafka-viewer, a Streamlit app from PyPI, for who has no Docker. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asProperties, authorityFile, kafkaAddresses, kafkaPassword } from './kafka-access';
import { registryUrl } from './registry';
import { answersHttp, shapeOf, type Command, type Place, type Server } from './server';

export const kafkaUiUrl = (place: Place): string => `http://127.0.0.1:${place.ports.kafkaUi}`;

const settingsFile = ({ dataDir }: Place): string => join(dataDir, 'config', 'kafka-ui.properties');

/** Its names are its own, not those of a Java client. */
function settingsOf(place: Place): Readonly<Record<string, string>> {
  return {
    'kafka.bootstrap.servers': kafkaAddresses(place),
    'schema.registry.url': registryUrl(place),
    ...(shapeOf(place).isSecure
      ? {
          'kafka.security.protocol': 'SASL_SSL',
          'kafka.sasl.mechanism': 'SCRAM-SHA-512',
          'kafka.sasl.username': 'ui',
          'kafka.sasl.password': kafkaPassword(place.dataDir, 'ui'),
          'kafka.ssl.cafile': authorityFile(place.dataDir),
        }
      : { 'kafka.security.protocol': 'PLAINTEXT' }),
  };
}

export const kafkaUi: Server = {
  title: 'Kafka UI',
  configure(place) {
    writeFileSync(settingsFile(place), asProperties(settingsOf(place)), { mode: 0o600 });
    return Promise.resolve();
  },
  start(place): Command {
    const folder = place.kafkaUi ?? '';
    return {
      file: 'python3',
      args: [
        ...['-m', 'streamlit', 'run', join(folder, 'kafka_viewer', 'ui.py')],
        ...['--', '--config', settingsFile(place)],
      ],
      env: {
        PYTHONPATH: folder,
        // Streamlit takes a folder that is not called site-packages for a checkout of its own.
        STREAMLIT_GLOBAL_DEVELOPMENT_MODE: 'false',
        // Streamlit listens on every address by default, and reports its use to its makers.
        STREAMLIT_SERVER_ADDRESS: '127.0.0.1',
        STREAMLIT_SERVER_PORT: String(place.ports.kafkaUi),
        STREAMLIT_BROWSER_GATHER_USAGE_STATS: 'false',
        STREAMLIT_SERVER_HEADLESS: 'true',
        STREAMLIT_SERVER_FILE_WATCHER_TYPE: 'none',
        STREAMLIT_CLIENT_TOOLBAR_MODE: 'viewer',
      },
    };
  },
  ready: (place) => answersHttp(`${kafkaUiUrl(place)}/_stcore/health`, 200),
  stop: { signal: 'SIGTERM', graceMs: 10_000 },
};
