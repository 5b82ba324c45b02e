import type { TableEnvironment } from '../table.ts';

/**
 * One worker's part of what an environment is allowed in all: limits that count something are divided, rounded up, because a
 * worker without any part could serve nobody. 0 stays "no limit".
 */
export function shareOf(table: TableEnvironment, workers: number): TableEnvironment {
  if (workers <= 1) return table;
  const { spec } = table;
  const part = (limit: number) => Math.ceil(limit / workers);
  const limits = { ...spec.limits, connectionsPerServer: part(spec.limits.connectionsPerServer), queue: part(spec.limits.queue) };
  return { ...table, spec: { ...spec, limits, retries: { ...spec.retries, budgetMin: part(spec.retries.budgetMin) } } };
}
