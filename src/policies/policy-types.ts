import { apiKey } from './api-key.ts';
import { clientCertificate } from './client-certificate.ts';
import type { PolicyType } from './contract.ts';
import { headers } from './headers.ts';

/** All types of policies, by the name that projects use. */
export const policyTypes: ReadonlyMap<string, PolicyType> = new Map<string, PolicyType>([
  ['apiKey', apiKey],
  ['headers', headers],
  ['clientCertificate', clientCertificate],
]);
