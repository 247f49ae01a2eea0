/** The servers by name. */
import { connect } from './connect';
import { broker } from './kafka';
import { kafkaUi } from './kafka-ui';
import { objectStorage } from './object-storage';
import { postgres } from './postgres';
import { redis } from './redis';
import { registry } from './registry';
import type { Server, ServerName } from './server';

export const servers: Readonly<Record<ServerName, Server>> = {
  kafkaUi,
  connect,
  registry,
  kafka: broker('kafka'),
  kafka2: broker('kafka2'),
  kafka3: broker('kafka3'),
  postgres,
  redis,
  objectStorage,
};
