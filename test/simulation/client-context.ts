/** The dependencies that the parts of a simulated client share. */
import type { ConsumerSettings } from '../../lib/runtime/settings';
import type { Host } from './host';
import type { Library } from './library';
import type { SeededRandom } from './random';
import type { SimulatedBroker } from './simulated-broker';
import type { SimulatedGroup } from './simulated-group';

export interface ClientContext {
  readonly host: Host;
  readonly broker: SimulatedBroker;
  readonly group: SimulatedGroup;
  readonly random: SeededRandom;
  readonly settings: ConsumerSettings;
  readonly library: Library;
  readonly topics: readonly { readonly topic: string; readonly everyMember: boolean }[];
  /** Records a fetch brings of a partition, at most. */
  readonly fetchRecords: number;
  /** Probability that a batch arrives although it was paused or sought meanwhile. */
  readonly leftOvers: number;
}
