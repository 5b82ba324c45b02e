/** Log message about failed attempts for which this process lacked descriptors, ports or memory. @param peers `servers` or `targets` */
export function shortageMessage(peers: string): string {
  return `this process cannot open connections to ${peers}, because it is short of descriptors (ulimit -n), local ports or memory`;
}
