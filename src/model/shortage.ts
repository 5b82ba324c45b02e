/** Response field, in lower case, in which a gateway server names the culprit of a 5xx status to balancers; `shortage`: it lacks room, and is healthy. */
export const faultField = 'sluice-fault';

/** Code of the error of a connection that a gateway server has no room for. */
export const peerShort = 'PEER_SHORT';

/** System errors of a process that lacks descriptors, local ports or memory for a new connection. */
const codes = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM', 'EAGAIN', 'EAI_MEMORY', peerShort]);

/** Errors that the end of another connection of this process remedies. */
const remedied = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/** True if closing a connection of this process frees what an error says is missing. A local port stays taken for a while after that. */
export function lacksRoom(error: Error | undefined): boolean {
  return remedied.has((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

/** True if an error says that this process, or a gateway server, is short of something: no reason to doubt the peer's health. */
export function isShortage(error: Error | undefined): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code !== undefined && codes.has(code);
}
