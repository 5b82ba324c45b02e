import { isIP } from 'node:net';
import { maxPort } from '../model/bounds.ts';
import { SluiceError } from '../model/fault.ts';

/** Environment variable with the DNS servers to ask instead of the system's. */
export const dnsServersVariable = 'SLUICE_DNS_SERVERS';

const serverPattern = /^(?:(?<v4>[\d.]+)|\[(?<v6>[^\]]+)\]|(?<bare>[\da-fA-F:.]+))(?::(?<port>\d{1,5}))?$/;

/** Reads the DNS servers from {@link dnsServersVariable}; undefined: it is not set. Throws a `SluiceError` if one cannot be asked. */
export function dnsServers(env: NodeJS.ProcessEnv): readonly string[] | undefined {
  const servers = (env[dnsServersVariable] ?? '').split(/[\s,]+/).filter((server) => server !== '');
  for (const server of servers) {
    const { v4, v6, bare, port = '53' } = serverPattern.exec(server)?.groups ?? {};
    if (isIP(v4 ?? v6 ?? bare ?? '') === 0 || Number(port) > maxPort)
      throw new SluiceError(
        'invalid',
        `${dnsServersVariable}: "${server}" is not a DNS server: give an IP address, or IP:PORT, for example 192.0.2.53 or [2001:db8::53]:5353`,
      );
  }
  return servers.length === 0 ? undefined : servers;
}
