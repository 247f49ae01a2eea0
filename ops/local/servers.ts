/** The six servers by name. */
import { connect } from './connect';
import { kafka } from './kafka';
import { objectStorage } from './object-storage';
import { postgres } from './postgres';
import { redis } from './redis';
import { registry } from './registry';
import type { Server, ServerName } from './server';

export const servers: Readonly<Record<ServerName, Server>> = {
  connect,
  registry,
  kafka,
  postgres,
  redis,
  objectStorage,
};
