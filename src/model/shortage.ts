/** System errors of a process that lacks descriptors, local ports or memory for a new connection. */
const codes = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM', 'EAGAIN', 'EAI_MEMORY']);

/** True if an error says that this process is short of something, and nothing about its peer. */
export function isShortage(error: Error | undefined): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code !== undefined && codes.has(code);
}
