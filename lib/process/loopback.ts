/** Whether a host is this machine itself: what goes there can be read by nobody on a network. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' ||
  host === '::1' ||
  /^127(?:\.[0-9]{1,3}){3}$/.test(host) ||
  host.startsWith('/');
