import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { readAuthorities } from '../config/ca-file.ts';
import { readToken } from '../config/token-file.ts';
import { createVerifier } from '../control/access/authorizer.ts';
import { type Gateway, startGateway } from '../gateway/gateway.ts';
import type { ClientTls } from '../gateway/gateway-tls.ts';
import { HopIdentity } from '../gateway/hop-identity.ts';
import { loadServerId, newServerId } from '../gateway/server-id.ts';
import { systemClock } from '../model/clock.ts';
import type { EnvironmentSpec } from '../model/environment.ts';
import { SluiceError } from '../model/fault.ts';
import { duration } from '../model/quantity.ts';
import { openListener } from '../proxy/http-listener.ts';
import { openRegistry } from '../registry/open-registry.ts';
import { CertificateStore } from '../tls/certificate-store.ts';
import { applyDescriptorLimit } from './descriptor-limit.ts';
import { readGatewayVariables } from './gateway-variables.ts';
import { StandardOutput } from './standard-output.ts';
import { openTracing } from './tracing.ts';
import { version } from './version.ts';

/** Greatest number of connections, as `limits.connections` of an environment. */
type Connections = EnvironmentSpec['limits']['connections'];

/** Arguments of `sluice gateway`. */
export interface GatewayArguments {
  readonly join: string;
  readonly environment?: string | undefined;
  readonly listen: string;
  readonly advertise?: string | undefined;
  readonly id?: string | undefined;
  readonly weight?: number | undefined;
  readonly dataDir?: string | undefined;
  readonly token?: string | undefined;
  /** File of the authorities that a `https://` balancer is checked against. Default: `SLUICE_CA`, else those that Node.js knows. */
  readonly ca?: string | undefined;
  readonly trustedProxies?: readonly string[] | undefined;
  /** Addresses that targets must not have, as {@link AddressGuard} reads them. Default: `SLUICE_DENY_TARGETS`, else `link-local`. */
  readonly denyTargets?: readonly string[] | undefined;
  readonly maxConnections?: Connections | undefined;
  /** File of the certificate for clients that are given the server's own address. Default: none. */
  readonly tlsCertificate?: string | undefined;
  /** File of its private key. */
  readonly tlsKey?: string | undefined;
}

/** A gateway server and the registry connection that it owns. */
export interface RunningGateway {
  readonly gateway: Gateway;
  stop(): Promise<void>;
}

/** Starts a gateway server; rejects with a `SluiceError` if the arguments cannot work. */
export async function runGateway(given: GatewayArguments, logger: Logger): Promise<RunningGateway> {
  applyDescriptorLimit(logger);
  const grace = readGrace(process.env['SLUICE_SHUTDOWN_GRACE']);
  const variables = readGatewayVariables(given.denyTargets);
  const id = given.id ?? (given.dataDir === undefined ? newServerId() : await loadServerId(resolve(given.dataDir), logger));
  const overHttp = /^https?:/.test(given.join);
  // An embedded registry can be opened by one process only, its balancer.
  if (given.join.startsWith('embedded:'))
    throw new SluiceError(
      'invalid',
      '--join embedded: only its balancer can open an embedded registry; give that balancer as http://HOST:PORT',
    );
  const token = given.token ?? process.env['SLUICE_JOIN_TOKEN'] ?? (overHttp ? await readToken(join('data', 'join.token')) : undefined);
  const clientTls = clientTlsOf(given, logger);
  const ca = readAuthorities(given.ca, process.env);
  const tracing = openTracing('sluice-gateway', logger);
  const registry = await openRegistry({ url: given.join, ...(token !== undefined && { token }), ...(ca !== undefined && { ca }), logger });
  try {
    const dataDir = resolve(given.dataDir ?? join('data', `gateway-${id}`));
    const hop = await HopIdentity.load({ id, dataDir, clock: systemClock, logger });
    hop.onStranger = () => registry.reconnect?.();
    const lines = new StandardOutput(logger);
    const gateway = await startGateway({
      ...given,
      id,
      grace,
      ...variables,
      clientTls,
      dataDir,
      hop,
      lines,
      registry,
      logger,
      version,
      ...(token !== undefined && { admits: createVerifier(token) }),
      clock: systemClock,
      random: Math.random,
      open: (address, settings, handler) => openListener(address, settings, tracing.around(handler)),
    });
    const stop = async () => {
      await gateway.drain();
      await tracing.close();
      await lines.flush();
      await registry.close();
    };
    return { gateway, stop };
  } catch (error) {
    await registry.close();
    throw error;
  }
}

function clientTlsOf({ tlsCertificate: certificate, tlsKey: key }: GatewayArguments, logger: Logger): ClientTls | undefined {
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined)
    throw new SluiceError('invalid', '--tls-certificate and --tls-key belong together: give both, or neither');
  return { store: new CertificateStore(process.cwd(), systemClock, logger), files: { certificate, key } };
}

/** Reads the grace period as `shutdown.grace` of a balancer's configuration; a gateway has no configuration file. */
function readGrace(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const grace = duration.safeParse(text);
  if (grace.success) return grace.data;
  throw new SluiceError('invalid', `SLUICE_SHUTDOWN_GRACE is "${text}": ${grace.error.issues[0]?.message}`);
}
