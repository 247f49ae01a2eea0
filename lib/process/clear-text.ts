/** Refuses to send a password over a network in clear text. */
import { ConfigError } from './config';
import { isLoopback } from './loopback';

export interface Sending {
  /** `CLEAR_TEXT_PASSWORDS`: whether an operator has allowed it. */
  readonly passwords: 'refuse' | 'allow' | undefined;
  /** The host that it would be sent to; not an address, so without a port. */
  readonly hosts: readonly string[];
  /** The variables that cause it, and what is missing: `KAFKA_SASL_MECHANISM is plain and there is no TLS`. */
  readonly why: string;
  /** The remedy, as the beginning of a sentence: `Set KAFKA_TLS_CA_FILE, use SCRAM`. */
  readonly instead: string;
}

/** Traffic to this machine itself cannot be read on a network. @throws ConfigError before anything is sent. */
export function refuseClearText({ passwords, hosts, why, instead }: Sending): void {
  if (passwords === 'allow' || hosts.every(isLoopback)) return;
  throw new ConfigError(
    `${why}: the password would be sent in clear text. ${instead}, or say CLEAR_TEXT_PASSWORDS=allow.`,
  );
}
