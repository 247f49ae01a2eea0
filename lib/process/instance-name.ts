/** What tells this process from every other one that runs at the same time. */
import { hostname } from 'node:os';

/** In a pod the host is the pod, so a container that starts again there keeps its name. */
export const instanceName = (): string => `${hostname()}-${process.pid}`;
