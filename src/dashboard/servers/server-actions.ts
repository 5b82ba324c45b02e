import { call, pathOf } from '../state/api.ts';
import { attempt } from '../widgets/notices.tsx';

/** Into an environment; one of another environment is drained there first. */
export function addServer(id: string, environment: string): Promise<boolean> {
  return attempt(() => call('PUT', pathOf('v1', 'environments', environment, 'servers', id)), `${id} goes to ${environment}`);
}

/** Back to available, once what is in flight on it has finished. */
export function removeServer(id: string, environment: string): Promise<boolean> {
  return attempt(
    () => call('DELETE', pathOf('v1', 'environments', environment, 'servers', id)),
    `${id} finishes what is in flight and leaves ${environment}`,
  );
}

export function drainServer(id: string, draining: boolean): Promise<boolean> {
  return attempt(
    () => call('PATCH', pathOf('v1', 'servers', id), { body: { draining } }),
    draining ? `${id} gets nothing new` : `${id} takes requests again`,
  );
}

export function weighServer(id: string, weight: number): Promise<boolean> {
  return attempt(() => call('PATCH', pathOf('v1', 'servers', id), { body: { weight } }));
}
