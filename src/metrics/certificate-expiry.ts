import type { Family } from './family.ts';

/** A certificate in use. */
interface Expiring {
  /** Its file, or the host that an authority issues it for. */
  readonly certificate: string;
  /** The gateway server that has it; absent: this process. */
  readonly server?: string;
  /** Milliseconds since 1970; undefined: the certificate could never be used. */
  readonly until: number | undefined;
}

/** Makes the metric family of the dates at which certificates expire. */
export function certificateExpiry(certificates: readonly Expiring[]): Family {
  return {
    name: 'sluice_certificate_expiry_timestamp_seconds',
    help: 'Time at which a certificate in use expires, in seconds since 1970.',
    type: 'gauge',
    series: certificates.flatMap(({ certificate, server, until }) =>
      until === undefined ? [] : [{ labels: { certificate, ...(server !== undefined && { server }) }, value: until / 1000 }],
    ),
  };
}
