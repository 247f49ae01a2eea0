/** The S3 server: versitygw over a plain folder, in which every object is a readable file. */
import { join } from 'node:path';
import { readSecretFile } from './data-folder';
import { answersHttp, type Command, type Place, type Server } from './server';

export const objectStorageUrl = (place: Place): string =>
  `http://127.0.0.1:${place.ports.objectStorage}`;

export const objectStorageRegion = 'us-east-1';

export const objectStorage: Server = {
  title: 'S3 server',
  configure: () => Promise.resolve(),
  start: (place): Command => ({
    file: place.files.objectStorage,
    args: [
      ...['--port', `127.0.0.1:${place.ports.objectStorage}`, '--region', objectStorageRegion],
      ...['posix', join(place.dataDir, 'objects')],
    ],
    env: {
      ROOT_ACCESS_KEY: readSecretFile(place.dataDir, 's3-access-key-id'),
      ROOT_SECRET_KEY: readSecretFile(place.dataDir, 's3-secret-access-key'),
    },
  }),
  ready: (place) => answersHttp(objectStorageUrl(place)),
  stop: { signal: 'SIGTERM', graceMs: 15_000 },
};
