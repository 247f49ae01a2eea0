/** A PostgreSQL client that does not send its password in clear text to another machine, even if the server asks. */
import { Client, type ClientConfig } from 'pg';
import { ConfigError } from '../../process/config';
import { isLoopback } from '../../process/loopback';

/** An extra option of the pool, which the pool passes to each client. */
export interface CarefulConfig extends ClientConfig {
  readonly allowClearText: boolean;
}

/**
 * Called by the driver when the server asks for a password; its types do not declare it (a test checks that it exists).
 */
interface AskedForPassword {
  _handleAuthCleartextPassword(message: unknown): void;
  readonly connection: {
    emit(event: 'error', error: Error): void;
    readonly stream: { destroy(): void };
  };
}

const driver = Client.prototype as unknown as AskedForPassword;

export class CarefulClient extends Client {
  readonly #mayAnswer: boolean;

  constructor(config: Partial<CarefulConfig> = {}) {
    super(config);
    const isEncrypted = config.ssl !== undefined && config.ssl !== false;
    this.#mayAnswer =
      isEncrypted || config.allowClearText === true || isLoopback(config.host ?? '');
  }

  _handleAuthCleartextPassword(message: unknown): void {
    const self = this as unknown as AskedForPassword;
    if (this.#mayAnswer) {
      driver._handleAuthCleartextPassword.call(self, message);
      return;
    }
    self.connection.emit('error', new ConfigError(refusal));
    // The server still waits for an answer.
    self.connection.stream.destroy();
  }
}

const refusal =
  'PostgreSQL asks for the password in clear text, and there is no TLS: it is not sent. Set POSTGRES_TLS_CA_FILE, let the server use scram-sha-256, or say CLEAR_TEXT_PASSWORDS=allow.';
