import { childEnvironment } from './child-environment.ts';

/** Variables of Sluice that a gateway server reads, besides the join token that it is given. */
const forGateways = [
  'SLUICE_HEADER_BYTES',
  'SLUICE_BODY_RATE',
  'SLUICE_SHUTDOWN_GRACE',
  'SLUICE_DNS_SERVERS',
  'SLUICE_CA',
  'SLUICE_DENY_TARGETS',
  'SLUICE_MAX_CONNECTIONS',
];

/**
 * Environment variables of a gateway server that a balancer starts: no setting and no secret of the balancer, such as the admin token under
 * any of its names or the registry's password.
 */
export function gatewayEnvironment(own: NodeJS.ProcessEnv, joinToken: string): NodeJS.ProcessEnv {
  return { ...childEnvironment(forGateways, own), SLUICE_JOIN_TOKEN: joinToken, SLUICE_LOG_LEVEL: own['SLUICE_LOG_LEVEL'] ?? 'warn' };
}
