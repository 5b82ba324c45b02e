import type { ServerAnswer } from '../../api/answers.ts';
import { ApiError, call, callTagged, onlyIf, pathOf } from '../state/api.ts';
import { attempt } from '../state/attempt.ts';
import { servers, showServer } from '../state/state.ts';

/** Moves a server into an environment; a server of another environment is drained there first. */
export function addServer(id: string, environment: string): Promise<boolean> {
  return change(id, { method: 'PUT', path: pathOf('v1', 'environments', environment, 'servers', id) }, `Adding ${id} to ${environment}`);
}

/** Takes a server out of its environment once its requests in flight have finished. */
export function removeServer(id: string, environment: string): Promise<boolean> {
  return change(
    id,
    { method: 'DELETE', path: pathOf('v1', 'environments', environment, 'servers', id) },
    `${id} leaves ${environment} once its requests in flight have finished`,
  );
}

/** Removes a lost server's record, and the environment assigned to it. */
export function forgetServer(id: string): Promise<boolean> {
  return attempt(() => call('DELETE', pathOf('v1', 'servers', id)), `${id} is forgotten`);
}

export function drainServer(id: string, draining: boolean): Promise<boolean> {
  return change(
    id,
    { method: 'PATCH', path: pathOf('v1', 'servers', id), body: { draining } },
    draining ? `${id} gets no new requests` : `${id} takes requests again`,
  );
}

export function setServerWeight(id: string, weight: number): Promise<boolean> {
  return change(id, { method: 'PATCH', path: pathOf('v1', 'servers', id), body: { weight } });
}

interface Change {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

/** Changes a server, on condition that it is still as this page shows it. */
function change(id: string, { method, path, body }: Change, done?: string): Promise<boolean> {
  const shown = servers.value.get(id);
  return attempt(async () => {
    const headers = shown?.source === 'static' ? {} : onlyIf(await tagOf(id, shown));
    showServer(await call<ServerAnswer>(method, path, { ...(body !== undefined && { body }), headers }));
  }, done);
}

/** Reads the entity tag of a server. Rejects as the API does (412) if the server is no longer as it was shown. */
async function tagOf(id: string, shown: ServerAnswer | undefined): Promise<string | undefined> {
  const { answer, etag } = await callTagged<ServerAnswer>('GET', pathOf('v1', 'servers', id));
  if (shown === undefined || settingsOf(shown) === settingsOf(answer)) return etag;
  throw new ApiError(412, { detail: `Server "${id}" has changed: look at it again, then decide.` });
}

/** Serializes the properties that an operator changes, and the start of the process. */
function settingsOf({ instance, environment, movingTo, address, weight, state }: ServerAnswer): string {
  return JSON.stringify([instance, environment, movingTo ?? 'stays', address, weight, state === 'draining']);
}
