/** Chooses the ports of the local stack: configured ones, else those used last time, else free ones. */
import { createServer } from 'node:net';

export const portNames = [
  'kafka',
  'kafkaController',
  'kafka2',
  'kafkaController2',
  'kafka3',
  'kafkaController3',
  'connect',
  'registry',
  'postgres',
  'redis',
  'objectStorage',
  'kafkaUi',
] as const;

type PortName = (typeof portNames)[number];
export type Ports = Readonly<Record<PortName, number>>;

/** A configured port is taken, or is not a port. */
export class PortError extends Error {
  override readonly name = 'PortError';
}

/** Below the range of outgoing ports, so that a stopped server's port stays free. */
const lowest = 20_000;
const highest = 32_000;

/** @returns whether nothing listens on that port of the loopback address. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      probe.close(() => resolve(true));
    });
  });
}

interface PortWishes {
  /** From flags or the environment; never replaced. */
  readonly configured: Partial<Ports>;
  /** From the last start; replaced when taken. */
  readonly remembered: Partial<Ports>;
  readonly isFree: (port: number) => Promise<boolean>;
  /** A number from 0 (included) to 1 (excluded). */
  readonly random: () => number;
}

async function findFree(wishes: PortWishes, used: ReadonlySet<number>): Promise<number> {
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    const port = lowest + Math.floor(wishes.random() * (highest - lowest));
    if (!used.has(port) && (await wishes.isFree(port))) return port;
  }
  throw new Error(`No free port was found between ${lowest} and ${highest}.`);
}

/** A port of the loopback address that is free at the moment. */
export function freePort(): Promise<number> {
  const { random } = Math;
  return findFree({ configured: {}, remembered: {}, isFree: isPortFree, random }, new Set());
}

async function choosePort(
  name: PortName,
  wishes: PortWishes,
  used: ReadonlySet<number>,
): Promise<number> {
  const configured = wishes.configured[name];
  if (configured !== undefined) {
    if (used.has(configured) || !(await wishes.isFree(configured))) {
      throw new PortError(
        `Port ${configured}, configured for ${name}, is taken; configure another one or leave it out.`,
      );
    }
    return configured;
  }
  const remembered = wishes.remembered[name];
  const keep = remembered !== undefined && !used.has(remembered);
  return keep && (await wishes.isFree(remembered)) ? remembered : findFree(wishes, used);
}

/** @throws PortError that names a configured port which is taken. */
export async function choosePorts(wishes: PortWishes): Promise<Ports> {
  const used = new Set<number>();
  const chosen: Partial<Record<PortName, number>> = {};
  const isConfigured = (name: PortName): boolean => wishes.configured[name] !== undefined;
  // The configured ones first, so that no other server gets theirs.
  const names = portNames.toSorted((a, b) => Number(isConfigured(b)) - Number(isConfigured(a)));
  for (const name of names) {
    const port = await choosePort(name, wishes, used);
    used.add(port);
    chosen[name] = port;
  }
  return chosen as Ports;
}

/** Variable that configures a port, for example `AFTERBUILD_KAFKA_CONTROLLER2_PORT`. */
export function portVariable(name: PortName): string {
  return `AFTERBUILD_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}_PORT`;
}

/** @throws PortError that names the variable whose value is no port. */
export function portsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Partial<Ports> {
  const found: Partial<Record<PortName, number>> = {};
  for (const name of portNames) {
    const given = environment[portVariable(name)];
    if (given === undefined || given === '') continue;
    const port = Number(given);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new PortError(`${portVariable(name)} must be a port from 1 to 65535.`);
    }
    found[name] = port;
  }
  return found;
}
