import { call, pathOf } from '../state/api.ts';
import { attempt } from '../state/attempt.ts';

/** Moves a server into an environment; a server of another environment is drained there first. */
export function addServer(id: string, environment: string): Promise<boolean> {
  return attempt(() => call('PUT', pathOf('v1', 'environments', environment, 'servers', id)), `Adding ${id} to ${environment}`);
}

/** Takes a server out of its environment once its requests in flight have finished. */
export function removeServer(id: string, environment: string): Promise<boolean> {
  return attempt(
    () => call('DELETE', pathOf('v1', 'environments', environment, 'servers', id)),
    `${id} leaves ${environment} once its requests in flight have finished`,
  );
}

export function drainServer(id: string, draining: boolean): Promise<boolean> {
  return attempt(
    () => call('PATCH', pathOf('v1', 'servers', id), { body: { draining } }),
    draining ? `${id} gets no new requests` : `${id} takes requests again`,
  );
}

export function setServerWeight(id: string, weight: number): Promise<boolean> {
  return attempt(() => call('PATCH', pathOf('v1', 'servers', id), { body: { weight } }));
}
