import { test } from 'tap';
import { type EnvironmentSpecInput, environmentSpec } from '../../src/model/environment.ts';
import { settingsOrigins } from '../../src/model/settings-origins.ts';

const tls = { acme: { email: 'ops@example.com' }, clientCertificates: { ca: 'ca.pem' } };
const acmeFile: EnvironmentSpecInput = { hosts: ['a.example'], tls };
const written = { hosts: 'file', 'tls.acme.email': 'file', 'tls.clientCertificates.ca': 'file' } as const;
const byOperator = { hosts: 'file', 'tls.acme.email': 'api', 'tls.clientCertificates.ca': 'api' } as const;
/** Complete settings, as the dashboard sends them. */
const whole: EnvironmentSpecInput['tls'] = { certificates: [], minVersion: '1.2', hsts: '0s', publicPort: 0, ...tls };

const cases: [what: string, applied: EnvironmentSpecInput, input: EnvironmentSpecInput, origins: object][] = [
  ['the file opens a section', acmeFile, acmeFile, written],
  ['an operator sends the section back with its defaults', acmeFile, { ...acmeFile, tls: whole }, written],
  [
    'an operator changes a default of the section',
    acmeFile,
    { ...acmeFile, tls: { ...whole, minVersion: '1.3' } },
    { ...written, 'tls.minVersion': 'api' },
  ],
  ['an operator opens a section', { hosts: ['a.example'] }, acmeFile, byOperator],
  ['an operator opens a section and sends its defaults', { hosts: ['a.example'] }, { ...acmeFile, tls: whole }, byOperator],
  [
    'an operator sets a value of the file to its default',
    { ...acmeFile, tls: { ...tls, minVersion: '1.3' } },
    { ...acmeFile, tls: whole },
    { ...written, 'tls.minVersion': 'api' },
  ],
  ['the file turns a section off that an operator opens', { health: 'off' }, { health: { interval: '3s' } }, { 'health.interval': 'api' }],
];

for (const [what, applied, input, origins] of cases) {
  test(what, async (t) => {
    const settings = { input, spec: environmentSpec.parse(input) };
    t.strictSame(settingsOrigins(settings, applied), origins);
  });
}
