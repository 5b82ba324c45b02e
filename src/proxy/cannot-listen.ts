import { SluiceError } from '../model/fault.ts';

/** The refusal (`unavailable`) of an address that the system would not give: why, and what to do. `purpose`: whose listener it was to be. */
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
      return 'this user may not: choose a port above 1023 or grant the permission';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'it is no address of this machine: choose one that is';
    default:
      return message;
  }
}
