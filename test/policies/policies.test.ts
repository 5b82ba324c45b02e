import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { check } from '../../src/config/check.ts';
import { policyPoints } from '../../src/model/project.ts';
import type { PolicyAnswer } from '../../src/policies/contract.ts';
import { pushedProject } from '../../src/projects/pushed-project.ts';
import fc from '../tools/fast-check.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { type Entry, FakeContext, faultsOf, policyOf } from './run-policy.ts';

function run(entry: Entry, headers: Record<string, string>, response?: Record<string, string>, clientCertificate?: string) {
  const context = new FakeContext({ headers, response, clientCertificate });
  const answer = policyOf(entry, response ? 'proxyResponse' : 'proxyRequest').run(context) as PolicyAnswer | undefined;
  return {
    answer: answer && { ...answer, body: answer.body.toString() },
    request: context.request.headers.lines,
    response: context.response?.headers.lines,
  };
}

t.test('headers: remove, then set, then add', async (t) => {
  const entry = {
    headers: { remove: ['X-Gone'], set: { 'x-one': 'new', 'X-Number': 7, empty: '' }, add: { 'x-one': 'more', 'x-two': ['a', 'b'] } },
  };
  t.same(run(entry, { 'x-gone': '1', 'X-One': 'old', other: 'stays' }).request, [
    ['other', 'stays'],
    ['x-one', 'new'],
    ['X-Number', '7'],
    ['empty', ''],
    ['x-one', 'more'],
    ['x-two', 'a'],
    ['x-two', 'b'],
  ]);
  const there = run({ headers: { set: { 'x-a': 'b' } } }, { q: '1' }, { r: '2' });
  t.same(there.request, [['q', '1']], 'a response policy does not change the request');
  t.same(there.response, [
    ['r', '2'],
    ['x-a', 'b'],
  ]);
});

t.test('headers: faulty settings are refused, with their path', async (t) => {
  const cases: [entry: unknown, fault: RegExp][] = [
    [{ set: { 'x-a': 'b\r\nevil: 1' } }, /^policies\.proxyRequest\.0\.headers\.set\.x-a: must be Latin-1 text on one line/],
    [{ set: { 'x-a': 'b\n' } }, /on one line/],
    [{ add: { 'x-a': ['ok', 'a\0b'] } }, /headers\.add\.x-a/],
    [{ set: { 'x-a': '☃' } }, /Latin-1/],
    [{ set: { 'x-a': {} } }, /must be text/],
    [{ set: { 'x a': 'b' } }, /headers\.set\.x a: "x a" is not a header field name/],
    [{ set: { '': 'b' } }, /not a header field name/],
    [{ set: { 'x-a:': 'b' } }, /not a header field name/],
    [{ set: { 'x\r\ny': 'b' } }, /not a header field name/],
    [{ remove: ['x\ny'] }, /headers\.remove\.0: .*not a header field name/],
    [{ set: { 'x-a': '1', 'X-A': '2' } }, /given twice/],
    [{}, /at least one of set, add, remove/],
    [null, /at least one of/],
    [{ sett: { a: 'b' } }, /headers\.sett: is unknown: did you mean "set"\?/],
    ['x', /headers: /],
    [{ remove: 'x' }, /headers\.remove: /],
  ];
  for (const [settings, fault] of cases) t.match(faultsOf({ headers: settings }), [fault], JSON.stringify(settings));
  for (const name of [
    'Content-Length',
    'X-Forwarded-For',
    'X-Request-Id',
    'transfer-encoding',
    'TRAILER',
    'Expect',
    'Connection',
    'keep-alive',
    'Proxy-Connection',
    'TE',
    'Upgrade',
    'Host',
  ]) {
    for (const settings of [{ set: { [name]: '1' } }, { add: { [name]: '1' } }, { remove: [name] }]) {
      t.match(faultsOf({ headers: settings }), [/must not be changed: /], JSON.stringify(settings));
    }
  }
});

t.test('headers: no accepted value can break a line', async () => {
  const text = fc.string({
    unit: fc.constantFrom('a', ' ', '\t', '\r', '\n', '\0', ':', 'é', '☃', '\x7f', '\x85', '\u2028'),
    maxLength: 6,
  });
  fc.assert(
    fc.property(text, text, (name, value) => {
      const entry = { headers: { set: { [name]: value } } };
      if (faultsOf(entry).length > 0) return;
      for (const [field, content] of run(entry, {}).request) {
        if (!/^[a-z]+$/.test(field) || /[^\t\x20-\x7e\x80-\xff]/.test(content)) throw new Error(JSON.stringify([field, content]));
      }
    }),
    { numRuns: 3000 },
  );
});

t.test('apiKey: lets only requests with a known key pass', async (t) => {
  const entry = { apiKey: { header: 'X-Key', keys: ['one', 'two words'] } };
  for (const key of ['one', 'two words']) t.equal(run(entry, { 'x-key': key }).answer, undefined);
  const refused: [headers: Record<string, string>, code: string][] = [
    [{}, 'api-key-missing'],
    [{ 'x-api-key': 'one' }, 'api-key-missing'],
    [{ 'x-key': '' }, 'api-key-unknown'],
    [{ 'x-key': 'One' }, 'api-key-unknown'],
    [{ 'x-key': 'one ' }, 'api-key-unknown'],
    [{ 'x-key': 'one', 'X-Key': 'one' }, 'api-key-unknown'],
    [{ 'x-key': 'x'.repeat(100_000) }, 'api-key-unknown'],
  ];
  for (const [headers, code] of refused) {
    const { answer } = run(entry, headers);
    t.match(answer, { status: 401, headers: { 'content-type': 'application/problem+json', 'www-authenticate': 'ApiKey' } });
    t.match(JSON.parse(answer?.body ?? ''), { status: 401, code, requestId: 'id-1' });
    t.notMatch(answer?.body ?? '', /one|two words|xxx/);
  }
  t.equal(run({ apiKey: { keys: ['k'] } }, { 'x-api-key': 'k' }).answer, undefined, 'the default field');
  t.match(faultsOf({ apiKey: {} }), [/apiKey\.keys/]);
  t.match(faultsOf({ apiKey: { keys: [] } }), [/at least one key/]);
  t.match(faultsOf({ apiKey: { keys: ['fine', ''] } }), [/apiKey\.keys\.1: must be printable ASCII/]);
  t.match(faultsOf({ apiKey: { keys: ['k'], header: 'a b' } }), [/must be a header field name/]);
  t.notMatch(faultsOf({ apiKey: { keys: ['geheim\n'] } }).join(), /geheim/, 'a fault does not contain the key');
  t.match(faultsOf({ apiKey: { keys: ['k'] } }, 'proxyResponse'), [/apiKey cannot run at proxyResponse, only at: proxyRequest/]);
});

t.test('clientCertificate: lets only certificates with a listed subject or fingerprint pass', async (t) => {
  const folder = ownFolder(t);
  const shownBy = (subject: string) => {
    const files = ['-keyout', join(folder, 'key'), '-out', join(folder, 'pem')];
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-multivalue-rdn', '-subj', subject];
    execFileSync('openssl', [...args, ...files], { stdio: 'ignore' });
    const certificate = new X509Certificate(readFileSync(join(folder, 'pem')));
    return { field: `:${certificate.raw.toString('base64')}:`, fingerprint: certificate.fingerprint256 };
  };
  const [orders, comma, multi] = [shownBy('/O=Example/CN=orders'), shownBy('/CN=a, CN=orders'), shownBy('/CN=multi+OU=x')];
  const ask = (settings: object, field?: string) => run({ clientCertificate: settings }, {}, undefined, field).answer;
  const codeOf = (settings: object, field?: string) => {
    const answer = ask(settings, field);
    return answer && `${answer.status} ${JSON.parse(answer.body).code}`;
  };
  const unknown = '403 client-certificate-unknown';
  for (const subject of ['CN=orders', 'CN=orders, O=Example', 'O=Example,CN=orders'])
    t.equal(codeOf({ subjects: [subject] }, orders.field), undefined, subject);
  for (const subject of ['CN=order', 'CN=Orders', 'CN=orders, O=Other', 'O=orders', 'cn=orders'])
    t.equal(codeOf({ subjects: [subject] }, orders.field), unknown, subject);
  t.equal(codeOf({ subjects: ['CN=orders'] }, comma.field), unknown, 'a comma in a value separates nothing');
  t.equal(codeOf({ subjects: ['CN=a\\, CN=orders'] }, comma.field), undefined, 'an escaped one matches');
  t.equal(codeOf({ subjects: ['CN=multi', 'CN=none'] }, multi.field), undefined, 'several attributes at one place');
  for (const fingerprint of [orders.fingerprint, orders.fingerprint.replaceAll(':', '').toLowerCase()]) {
    t.equal(codeOf({ fingerprints: [fingerprint] }, orders.field), undefined);
    t.equal(codeOf({ fingerprints: [fingerprint] }, comma.field), unknown);
  }
  t.equal(codeOf({ subjects: ['CN=orders'] }), '403 client-certificate-needed');
  for (const field of ['', ':', ':eA==:', `${orders.field}, ${comma.field}`, orders.field.slice(1), 'x'.repeat(10_000)])
    t.equal(codeOf({ subjects: ['CN=orders'] }, field), unknown, field.slice(0, 20));
  const faults: [object, RegExp][] = [
    [{}, /at least one of subjects, fingerprints/],
    [{ subjects: ['orders'] }, /clientCertificate\.subjects\.0: must be attributes/],
    [{ subjects: [''] }, /must be attributes/],
    [{ fingerprints: ['ab:cd'] }, /clientCertificate\.fingerprints\.0: must be a SHA-256 fingerprint/],
    [{ subject: 'CN=a' }, /did you mean "subjects"/],
  ];
  for (const [settings, fault] of faults) t.match(faultsOf({ clientCertificate: settings }).join(), fault, JSON.stringify(settings));
  t.match(faultsOf({ clientCertificate: { subjects: ['CN=a'] } }, 'proxyResponse'), [/cannot run at proxyResponse/]);
});

t.test('headers: values tell of the client certificate, and without one their fields are removed', async (t) => {
  const folder = ownFolder(t);
  const shownBy = (subject: string, ...more: string[]) => {
    const files = ['-keyout', join(folder, 'key'), '-out', join(folder, 'pem')];
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-utf8', '-subj', subject, ...more];
    execFileSync('openssl', [...args, ...files], { stdio: 'ignore' });
    const certificate = new X509Certificate(readFileSync(join(folder, 'pem')));
    return { field: `:${certificate.raw.toString('base64')}:`, certificate };
  };
  const { field, certificate } = shownBy(
    '/C=DE/O=Example/CN=orders',
    '-addext',
    'subjectAltName=DNS:a.example,URI:spiffe://x/y',
    '-set_serial',
    '0x0AB1',
  );
  const reference = (name: string) => `\${clientCertificate.${name}}`;
  const set = {
    'x-subject': reference('subject'),
    'x-who': `from ${reference('commonName')} (${reference('serial')})`,
    'x-issuer': reference('issuer'),
    'x-print': reference('fingerprint'),
    'x-names': reference('subjectAltName'),
    'x-plain': 'stays',
  };
  const add = { 'x-more': ['1', reference('commonName')] };
  t.same(Object.fromEntries(run({ headers: { set, add } }, { 'x-subject': 'forged', 'X-SUBJECT': 'twice' }, undefined, field).request), {
    'x-subject': 'CN=orders,O=Example,C=DE',
    'x-who': 'from orders (0AB1)',
    'x-issuer': 'CN=orders,O=Example,C=DE',
    'x-print': certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    'x-names': 'DNS:a.example, URI:spiffe://x/y',
    'x-plain': 'stays',
    'x-more': 'orders',
  });
  const forged = { 'x-subject': 'forged', 'X-Who': 'forged', other: '1' };
  for (const none of [undefined, ':eA==:', 'nonsense'])
    t.same(run({ headers: { set, add } }, forged, undefined, none).request, [
      ['other', '1'],
      ['x-plain', 'stays'],
      ['x-more', '1'],
    ]);
  t.same(run({ headers: { set: { 'x-who': reference('subject') } } }, {}, { r: '2' }, field).response?.[1], [
    'x-who',
    'CN=orders,O=Example,C=DE',
  ]);
  const strange = shownBy('/O=A, B/CN=Zoë\nx');
  const lines = run({ headers: { set: { a: reference('subject'), b: reference('commonName') } } }, {}, undefined, strange.field).request;
  t.same(lines, [
    ['a', 'CN=Zo\\C3\\AB\\0Ax,O=A\\, B'],
    ['b', 'Zo\\C3\\AB\\0Ax'],
  ]);
  for (const wrong of [
    '${clientCertificate.name}',
    '${clientCertificate}',
    '${clientCertificate.subject',
    '${ClientCertificate.subject}',
    '${client.subject}',
  ])
    t.match(faultsOf({ headers: { set: { a: wrong } } }).join(), /is not a reference/, wrong);
  t.match(faultsOf({ apiKey: { keys: [reference('subject')] } }).join(), /is not a reference to a variable/);
  t.match(faultsOf({ headers: { remove: [reference('subject')] } }).join(), /is not a header field name/);
});

t.test('only names in the table are policies', async (t) => {
  for (const name of ['nonsense', 'apikey', 'toString', 'constructor', '__proto__']) {
    t.match(faultsOf(JSON.parse(`{"${name}":{}}`)), [/there is no policy "\w+"; known: apiKey, /], name);
  }
});

t.test('the policies of a project are checked at all points, before its variables are known', async (t) => {
  const bad = [{ headers: { remove: ['host'] } }];
  const good = [{ headers: { set: { 'x-a': 'v ${variables.later}' } } }, { headers: { add: { b: 'c' } } }];
  const each = (entries: Entry[]) => Object.fromEntries(policyPoints.map((point) => [point, entries]));
  const placesOf = (policies: object, inner: object) => {
    const resources = [{ path: '/a' }, { path: '/b', policies: inner }];
    const { faults } = check({ name: 'p', basePath: '/p', targets: { default: { url: 'http://x' } }, policies, resources }, pushedProject);
    return faults?.map(({ path }) => path) ?? [];
  };
  t.same(placesOf(each(good), each(good)), []);
  t.same(placesOf(each([...good, ...bad]), each(bad)), [
    ...policyPoints.map((point) => `policies.${point}.2.headers.remove.0`),
    ...policyPoints.map((point) => `resources.1.policies.${point}.0.headers.remove.0`),
  ]);
});
