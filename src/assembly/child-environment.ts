/**
 * Environment variables of a process that this one starts: no setting of Sluice, some of which are secrets under several names, except those
 * that are `kept`.
 */
export function childEnvironment(kept: readonly string[] = [], own: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(own).filter(([name]) => !/^SLUICE_/i.test(name) || kept.includes(name)));
}
