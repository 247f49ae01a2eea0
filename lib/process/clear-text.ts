/** Keeps a password off the network where everybody on the way could read it. */
import { ConfigError } from './config';
import { isLoopback } from './loopback';

export interface Sending {
  /** `CLEAR_TEXT_PASSWORDS`: whether somebody has said that it may go like this. */
  readonly passwords: 'refuse' | 'allow' | undefined;
  /** Where it would go; not an address, so without a port. */
  readonly hosts: readonly string[];
  /** The variables that say so, and what is missing: `KAFKA_SASL_MECHANISM is plain and there is no TLS`. */
  readonly why: string;
  /** What to do instead, as the beginning of a sentence: `Set KAFKA_TLS_CA_FILE, use SCRAM`. */
  readonly instead: string;
}

/** On this machine itself nobody listens. @throws ConfigError before anything is sent. */
export function refuseClearText({ passwords, hosts, why, instead }: Sending): void {
  if (passwords === 'allow' || hosts.every(isLoopback)) return;
  throw new ConfigError(
    `${why}: the password would be sent in clear text. ${instead}, or say CLEAR_TEXT_PASSWORDS=allow.`,
  );
}
