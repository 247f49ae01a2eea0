/** Starts the Kafka UI beside the servers of a stack that is up, fetching it first if needed. */
import { cacheFolder, fetchKafkaUi, type FetchProgress } from './fetch/fetch';
import { kafkaUiUrl } from './stack/kafka-ui';
import { attachStack } from './stack/running-stack';
import { ServerError } from './stack/server-process';
import { readStackFile, updateStackFile } from './stack/stack-file';

/**
 * Starts nothing where it runs already. The stack records it: `status` shows it, and `down` stops it with the others.
 * @returns its address.
 * @throws ServerError, FetchError.
 */
export async function addKafkaUi(
  dataDir: string,
  progress: FetchProgress,
  signal?: AbortSignal,
): Promise<string> {
  const place = readStackFile(dataDir)?.place;
  if (place?.ports.kafkaUi === undefined) {
    throw new ServerError(`The stack in ${dataDir} has no port for a Kafka UI: start it again.`);
  }
  const kafkaUi = await fetchKafkaUi({ cache: cacheFolder(process.env), progress, signal });
  await updateStackFile(dataDir, (stack) => ({ ...stack, place: { ...stack.place, kafkaUi } }));
  await attachStack(dataDir).servers.kafkaUi?.start();
  return kafkaUiUrl(place);
}
