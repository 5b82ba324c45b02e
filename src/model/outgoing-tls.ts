import { isIP } from 'node:net';
import * as z from 'zod';
import { certificatesFault, chainFault, datedPart, dateWarning, keyFault, pairFault, readCertificates } from './certificate.ts';
import type { Fault } from './fault.ts';
import { isHiddenKey } from './hidden-keys.ts';

/** TLS settings of connections that Sluice opens, to targets and static servers. PEM is the text itself. */
export interface OutgoingTls {
  /** Certificates of the authorities to trust instead of the public ones, as PEM. */
  readonly ca?: string | undefined;
  /** Host name (sent as SNI, RFC 6066 section 3) or IP address for which the server's certificate must be valid, instead of the host. */
  readonly serverName?: string | undefined;
  /** False accepts any certificate, so that anyone on the network path can read and change everything. Default true. */
  readonly verify?: boolean | undefined;
  /** Certificate to show to a server that asks for one, followed by its chain, as PEM. */
  readonly certificate?: string | undefined;
  /** Private key of `certificate`, as PEM. */
  readonly key?: string | undefined;
}

const hostName = /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;
const namesOfFiles = 'Names of files are read by the command line, and in a configuration';

/** Schema of {@link OutgoingTls}. @param refers true: a text may refer to a variable; then it is checked once the variables are known */
function schemaOf(refers: boolean) {
  const open = (text: string) => refers && text.includes('${');
  const certificates = z.string().superRefine((text, context) => {
    const fault = open(text) ? undefined : certificatesFault(text);
    if (fault !== undefined) context.addIssue(text.includes('-----BEGIN') ? fault : `${fault}. ${namesOfFiles}`);
  });
  const variable = refers ? ', or ${variables.NAME}' : '';
  return z
    .strictObject({
      ca: certificates.optional().meta({
        description: `certificates of the authorities to trust, instead of the public ones: PEM text, the name of a file with it${variable}`,
      }),
      serverName: z
        .string()
        .refine((text) => hostName.test(text) || isIP(text) !== 0, 'must be a host name or an IP address')
        .optional()
        .meta({ description: 'name or IP address for which the certificate must be valid; a name is sent as SNI. Not given: the host' }),
      verify: z.boolean().default(true).meta({
        description:
          'false: every certificate is accepted. An attacker on the path can then read and change all requests, API keys included',
      }),
      certificate: certificates.optional().meta({
        description: `certificate to show to a server that asks for one, followed by its chain: PEM text, the name of a file with it${variable}`,
      }),
      key: z
        .string()
        .superRefine((text, context) => {
          const fault = open(text) || isHiddenKey(text) ? undefined : keyFault(text);
          if (fault !== undefined) context.addIssue(fault);
        })
        .optional()
        .meta({
          description: `private key of certificate: PEM text, the name of a file with it${variable}. Answers of the admin API do not show it`,
        }),
    })
    .superRefine(({ certificate, key }, context) => {
      if (certificate !== undefined && key === undefined)
        context.addIssue({ code: 'custom', path: ['certificate'], message: 'needs its private key: give it as key' });
      if (certificate === undefined && key !== undefined)
        context.addIssue({ code: 'custom', path: ['key'], message: 'needs its certificate: give it as certificate' });
      if (certificate === undefined || key === undefined || [certificate, key].some(open)) return;
      const fault = pairFault(certificate, key);
      if (fault !== undefined) context.addIssue({ code: 'custom', path: [fault.part], message: fault.message });
    });
}

export const targetTls = schemaOf(true);
export const serverTls = schemaOf(false);

/** Warnings about settings that work, but not for long or not safely, each with its place below `path`. References to variables are not judged. */
export function tlsWarnings(tls: OutgoingTls | undefined, path: string, date: number): Fault[] {
  if (tls === undefined) return [];
  const { verify, ca = '', certificate = '' } = tls;
  const [authorities, chain] = [ca, certificate].map(readCertificates).map((read) => (typeof read === 'string' ? [] : read));
  const judged = {
    ca: dateWarning(authorities ?? [], date),
    certificate: chainFault(chain ?? []) ?? dateWarning(datedPart(chain ?? []), date),
  };
  const found = Object.entries(judged).flatMap(([name, message]) => (message === undefined ? [] : [{ path: `${path}.${name}`, message }]));
  if (verify === false)
    found.push({
      path: `${path}.verify`,
      message: 'no certificate is checked: anyone on the network path can read and change all requests. Give the authority as ca instead',
    });
  return found;
}
