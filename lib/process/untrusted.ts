/** Recognizes a server whose TLS certificate this process does not trust. Waiting does not repair that. */
import { ConfigError } from './config';

/** The codes of OpenSSL and Node. */
const codes =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY)|HOSTNAME_MISMATCH|ERR_TLS_CERT_)/;
/** The messages, for clients that keep only those. */
const words =
  /self[- ]signed certificate|unable to (verify the first|get (local )?issuer) certificate|certificate has expired|does not match certificate's altnames/i;

/** Whether that is the reason, in the error or along its causes. */
export function isUntrusted(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : '';
    if (codes.test(code) || words.test(at.message)) return true;
  }
  return false;
}

/** @param server for operators, with its address. */
export function untrusted(server: string, error: unknown): ConfigError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ConfigError(
    `${server} answers with a certificate that is not trusted: ${reason}. Name its authority in the *_TLS_CA_FILE of ` +
      'that server; for S3, the registry and Connect in NODE_EXTRA_CA_CERTS.',
    { cause: error },
  );
}
