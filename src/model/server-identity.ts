/** Name of the response field in which a gateway server says who it is, at `/.sluice/ready`: `gw-1; instance=…; environment=production`. */
export const identityField = 'sluice-server';

/** Name of the request field with which a balancer proves to a gateway server that it is one, when it introduces itself over a connection without TLS. */
export const balancerField = 'sluice-balancer';

/** Identity of a gateway server: what balancers compare with its registration before they send it requests. */
export interface ServerIdentity {
  readonly id: string;
  /** New at each start. Where one is expected, undefined stands for any start of the server. */
  readonly instance?: string | undefined;
  /** Environment whose snapshot the server runs; undefined: none. */
  readonly environment?: string | undefined;
}

/** Writes an identity as the value of {@link identityField}. */
export function formatIdentity({ id, instance, environment }: ServerIdentity): string {
  const parts = [id];
  if (instance !== undefined) parts.push(`instance=${encodeURIComponent(instance)}`);
  if (environment !== undefined) parts.push(`environment=${environment}`);
  return parts.join('; ');
}

/** Reads the value of {@link identityField}; undefined if it names no server. Parameters that are not known are ignored. */
export function parseIdentity(value: string): ServerIdentity | undefined {
  const [id = '', ...parameters] = value.split(';').map((part) => part.trim());
  if (id === '') return undefined;
  const of = (name: string) => parameters.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
  const instance = of('instance');
  return { id, instance: instance === undefined ? undefined : decoded(instance), environment: of('environment') };
}

/** Why `stated` is not the server that is expected, for people; undefined if it is. */
export function identityMismatch(expected: ServerIdentity, stated: ServerIdentity | undefined): string | undefined {
  if (stated === undefined) return 'not the server that registered: what answers at its address does not say that it is a Sluice server';
  const { id, environment, instance } = stated;
  if (id !== expected.id || environment !== expected.environment)
    return `not the server that registered: server "${id}" of ${environment === undefined ? 'no environment' : `environment "${environment}"`} answers at its address`;
  if (expected.instance !== undefined && instance !== expected.instance)
    return `not the server that registered: another start of server "${id}" answers at its address`;
  return undefined;
}

/** Invalid escapes stay as they are: such a text equals no instance. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
