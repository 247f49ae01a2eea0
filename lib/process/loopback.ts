/** Whether a host is this machine itself: traffic to it cannot be read on a network. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' ||
  host === '::1' ||
  /^127(?:\.[0-9]{1,3}){3}$/.test(host) ||
  host.startsWith('/');
