/** How a bench connects to the broker of its own stack. */
export const loopback = (brokers: string) => ({
  KAFKA_BROKERS: brokers.split(','),
  KAFKA_TLS_CA_FILE: undefined,
  KAFKA_SASL_MECHANISM: undefined,
  KAFKA_SASL_USERNAME: undefined,
  KAFKA_SASL_PASSWORD_FILE: undefined,
});
