/**
 * Reads from the section `memory` of Redis' INFO the policy by which Redis may evict keys of Sluice; undefined if it evicts none: it has no
 * memory limit, or refuses writes at the limit, or evicts only keys that expire, of which Sluice has none.
 */
export function evictionPolicy(info: string): string | undefined {
  const value = (field: string) => new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const policy = value('maxmemory_policy');
  return Number(value('maxmemory')) > 0 && policy.startsWith('allkeys-') ? policy : undefined;
}
