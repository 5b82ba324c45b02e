import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadConfig } from '../../src/config/config.ts';
import { isIssuable } from '../../src/model/acme.ts';
import type { SluiceError } from '../../src/model/fault.ts';
import { hideKeys, restoreKeys } from '../../src/model/hidden-keys.ts';
import { CertificateFolder, textsOf } from '../tools/certificate-folder.ts';
import { ownFolder } from '../tools/own-folder.ts';

const folder = ownFolder(t);
const made = new CertificateFolder(t, folder);
const files = made.issue({ names: ['*.example.com'], file: 'wild' });

/** The faults of a configuration, each as `path: message`. */
function faultsOf(environments: object): string[] {
  const file = join(folder, 'sluice.json');
  writeFileSync(file, JSON.stringify({ environments }));
  try {
    loadConfig({ file, env: {} });
    return [];
  } catch (error) {
    return (error as SluiceError).faults.map(({ path, message }) => `${path}: ${message}`);
  }
}

const production = (acme: object, more: object = {}, tls: object = {}) => ({
  production: { listen: '0.0.0.0:443', hosts: ['api.example.com'], ...more, tls: { acme, redirectFrom: '0.0.0.0:80', ...tls } },
});

t.test('an authority needs a name that it can prove, and a door at which it asks', async (t) => {
  const works: [string, object][] = [
    ['the shortest', production({})],
    ['empty values', production({ email: '', ca: '', eab: { keyId: '', hmac: '' } })],
    ['TLS-ALPN-01 needs no other listener', production({ challenge: 'tls-alpn-01' }, {}, { redirectFrom: undefined })],
    [
      'a plain listener at port 80 answers, too',
      { ...production({}, {}, { redirectFrom: undefined }), plain: { listen: '0.0.0.0:80', hosts: ['www.example.com'] } },
    ],
    ['a file covers the wildcard', production({}, { hosts: ['*.example.com', 'example.com'] }, { certificates: [files] })],
  ];
  for (const [what, environments] of works) t.strictSame(faultsOf(environments), [], what);
  const tls = 'environments.production.tls';
  const faults: [object, RegExp][] = [
    [
      production({}, { hosts: ['*.example.com'] }),
      /tls.acme: cannot get a certificate for "\*\.example\.com": a wildcard .* DNS-01.*List each name/,
    ],
    [production({}, { hosts: ['192.0.2.1'] }), /tls.acme: .*"192.0.2.1": it is an IP address. Use names/],
    [production({}, { hosts: ['a_b.example.com'] }), /tls.acme: .*"a_b.example.com": it is no proper DNS name/],
    [production({}, { hosts: [] }), /tls.acme: has no names .* list them in hosts/],
    [
      production({}, {}, { redirectFrom: undefined }),
      /tls.acme.challenge: is http-01, but nothing answers at port 80.* set tls.redirectFrom/,
    ],
    [production({ email: 'me' }), /tls.acme.email: must be one address/],
    [production({ directory: 'http://ca.example/dir' }), /tls.acme.directory: must be the https/],
    [production({ ca: '-----BEGIN NOTHING-----' }), /tls.acme.ca: holds no certificate in PEM/],
    [production({ challenge: 'dns-01' }), /tls.acme.challenge: .*http-01.*tls-alpn-01/],
    [production({ eab: { keyId: 'id' } }), /tls.acme.eab.hmac: is missing/],
    [production({ eab: { hmac: 'c2VjcmV0' } }), /tls.acme.eab.keyId: is missing/],
    [production({ eab: { keyId: 'id', hmac: '?' } }), /tls.acme.eab.hmac: must be in base64url/],
    [production({ wildcard: true }), /tls.acme/],
  ];
  for (const [environments, fault] of faults) {
    const found = faultsOf(environments);
    t.equal(found.length, 1, String(fault));
    t.match(found[0], fault);
    t.match(found[0]?.startsWith(tls), true);
  }
  const two = {
    ...production({}),
    other: { listen: '0.0.0.0:8443', hosts: ['api.example.com'], tls: { acme: { email: 'a@b.example' }, redirectFrom: '0.0.0.0:81' } },
  };
  t.match(faultsOf(two), [/production.tls.acme: differs from that of "other"/, /other.tls.acme: differs from that of "production"/]);
});

t.test('names that can be proven', async (t) => {
  for (const name of ['a', 'localhost', 'api.example.com', 'xn--bcher-kva.example', '1.example', 'a-b.c', `${'a'.repeat(63)}.b`])
    t.ok(isIssuable(name), name);
  for (const name of [
    '',
    '*.a.b',
    'a..b',
    '-a.b',
    'a-.b',
    'a_b.c',
    '127.0.0.1',
    '[::1]',
    '::1',
    `${'a'.repeat(64)}.b`,
    'a.'.repeat(130),
    'bücher.example',
  ])
    t.notOk(isIssuable(name), name);
});

t.test('the authority of the directory is a file, and the key of the external account is never shown', async (t) => {
  const file = join(folder, 'ca.json');
  writeFileSync(file, JSON.stringify({ environments: production({ ca: 'root.pem', eab: { keyId: 'id', hmac: 'c2VjcmV0' } }) }));
  const [environment] = loadConfig({ file, env: {} }).environments;
  t.equal(environment?.spec.tls?.acme?.ca, textsOf(made.root).cert);
  const shown = hideKeys(environment?.input);
  t.notMatch(JSON.stringify(shown), /c2VjcmV0/);
  t.match(JSON.stringify(shown), /"keyId":"id","hmac":"hidden private key sha256:[0-9a-f]{64}"/);
  t.strictSame(restoreKeys(shown, environment?.input), environment?.input);
  t.strictSame(hideKeys(shown), shown);
});
