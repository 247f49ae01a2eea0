/** A name for this process that no other running process has. */
import { hostname } from 'node:os';

/** In a pod the host is the pod, so a container that restarts there keeps its name. */
export const instanceName = (): string => `${hostname()}-${process.pid}`;
