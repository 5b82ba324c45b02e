import t from 'tap';
import { CertificateFolder, textsOf } from '../tools/certificate-folder.ts';
import { controlUnderTest, sampleProject } from './control-under-test.ts';

const made = new CertificateFolder(t);
const { cert: authority } = textsOf(made.root);
const client = textsOf(made.issue({ names: ['client.test'] }));
const here = textsOf(made.issue({ names: ['localhost', '127.0.0.1'] }));
const expired = textsOf(made.issue({ names: ['localhost', '127.0.0.1'], until: '20200102000000Z' }));
const { cert: certificate, key } = client;
const secret = key.split('\n')[1] as string;

t.test('private keys of a project are not shown, and what is shown can be pushed again', async (t) => {
  const { ask, registry, log } = await controlUnderTest(t);
  const project = { ...sampleProject('pets'), targets: { default: { url: 'https://a.test', tls: { ca: authority, certificate, key } } } };
  t.equal((await ask('POST', '/v1/projects', { body: project })).status, 201);
  const shown = await ask('GET', '/v1/projects/pets/revisions/1');
  t.notMatch(JSON.stringify(shown.body), secret);
  t.match(shown.body.project.targets.default.tls, { ca: authority, certificate, key: /^hidden private key sha256:[0-9a-f]{64}\n?$/ });
  t.match(await registry.revision('pets', 1), { project: { targets: { default: { tls: { key } } } } });

  t.match((await ask('POST', '/v1/projects', { body: shown.body.project })).body, { revision: 1 }, 'nothing has changed');
  t.match((await ask('POST', '/v1/projects', { body: { ...shown.body.project, version: '2' } })).body, { revision: 2 });
  t.match(await registry.revision('pets', 2), { project: { version: '2', targets: { default: { tls: { key } } } } });
  const elsewhere = await ask('POST', '/v1/projects', { body: { ...shown.body.project, name: 'other' } });
  t.match([elsewhere.status, elsewhere.body.detail], [422, /give the key itself/]);
  t.notMatch(log.join(''), secret);
});

t.test('private keys of an environment are not shown, and what is shown can be put again', async (t) => {
  const { ask, registry, log } = await controlUnderTest(t);
  const servers = [{ id: 'one', address: '127.0.0.1:9443', tls: { ca: authority, certificate, key } }];
  const made = await ask('PUT', '/v1/environments/secure', {
    body: { listen: '127.0.0.1:0', servers, variables: { both: certificate + key } },
  });
  t.equal(made.status, 201);
  const { body: shown } = await ask('GET', '/v1/environments/secure');
  for (const answer of [made.body, shown, (await ask('GET', '/v1/environments')).body]) t.notMatch(JSON.stringify(answer), secret);
  t.match(shown.variables.both, /-----END CERTIFICATE-----\s+hidden private key sha256/);
  t.equal((await ask('PUT', '/v1/environments/secure', { body: { ...shown, panicThreshold: 10 } })).status, 200);
  t.match(await registry.environment('secure'), {
    spec: { panicThreshold: 10, servers: [{ tls: { key } }], variables: { both: `${certificate}${key.trimEnd()}` } },
  });
  t.equal((await ask('PUT', '/v1/environments/another', { body: shown.variables.both && { ...shown, name: 'another' } })).status, 422);
  t.notMatch(log.join(''), secret);
});

t.test('faults of certificates and keys are told with their place, and without the text', async (t) => {
  const { ask } = await controlUnderTest(t);
  const push = async (tls: object) => {
    const { status, body } = await ask('POST', '/v1/projects', {
      body: { ...sampleProject('pets'), targets: { default: { url: 'https://a.test', tls } } },
    });
    t.equal(status, 422);
    t.notMatch(JSON.stringify(body), secret);
    return body.errors;
  };
  const put = async (tls: object) =>
    (await ask('PUT', '/v1/environments/e', { body: { listen: '127.0.0.1:0', servers: [{ id: 'a', address: '127.0.0.1:1', tls }] } })).body
      .errors;
  for (const [where, given] of [
    ['targets.default.tls', push],
    ['servers.0.tls', put],
  ] as const) {
    t.match(await given({ certificate, key: here.key }), [{ path: `${where}.key`, message: /does not fit the certificate/ }]);
    t.match(await given({ certificate: authority + certificate, key }), [
      { path: `${where}.certificate`, message: /out of order.*is number 2\. Put it first/ },
    ]);
    t.match(await given({ certificate }), [{ path: `${where}.certificate`, message: /needs its private key/ }]);
    t.match(await given({ key }), [{ path: `${where}.key`, message: /needs its certificate/ }]);
    t.match(await given({ certificate: key, key }), [{ path: `${where}.certificate`, message: /in PEM/ }]);
    t.match(await given({ certificate, key: `${key.slice(0, 60)}` }), [{ path: `${where}.key`, message: /private key in PEM/ }]);
    t.match(await given({ ca: 'nothing' }), [{ path: `${where}.ca`, message: /in PEM/ }]);
  }
});

t.test('a push warns of settings that are not safe, and of certificates that have expired', async (t) => {
  const { ask } = await controlUnderTest(t);
  const tls = { verify: false, certificate: expired.cert, key: expired.key };
  const project = { ...sampleProject('pets'), targets: { default: { url: 'https://a.test', tls } } };
  const { status, body } = await ask('POST', '/v1/projects', { body: project });
  t.equal(status, 201);
  t.match(body.warnings, [
    { path: 'targets.default.tls.certificate', message: /^has expired, on 2020-01-02: renew it/ },
    { path: 'targets.default.tls.verify', message: /Give the authority as ca instead/ },
  ]);
  t.notHas((await ask('POST', '/v1/projects', { body: sampleProject('dogs') })).body, 'warnings');
});
