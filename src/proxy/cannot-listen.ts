import { SluiceError } from '../model/fault.ts';

/** The error (`unavailable`) for an address that cannot be listened on: says why and what to do. @param purpose of the listener */
export function cannotListen(address: string, purpose: string, cause: unknown): SluiceError {
  return new SluiceError('unavailable', `cannot listen on ${address} for ${purpose}: ${reasonOf(cause as NodeJS.ErrnoException)}`, {
    cause,
  });
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'another program listens there: stop it or choose another address';
    case 'EACCES':
      return 'permission denied: choose a port above 1023 or grant the permission';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine does not have that address: choose one that it has';
    default:
      return message;
  }
}
