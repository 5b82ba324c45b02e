import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadConfig } from '../../src/config/config.ts';
import { parseDocument } from '../../src/config/document.ts';
import { withNamedFiles } from '../../src/config/named-files.ts';
import type { SluiceError } from '../../src/model/fault.ts';
import { pushedProject } from '../../src/projects/pushed-project.ts';
import { CertificateFolder, textsOf } from '../tools/certificate-folder.ts';
import { ownFolder } from '../tools/own-folder.ts';

const folder = ownFolder(t);
const made = new CertificateFolder(t, folder);
const { cert: authority } = textsOf(made.root);
const client = textsOf(made.issue({ names: ['client'], file: 'client' }));
const tls = 'tls: { ca: root.pem, certificate: ./client.pem, key: "client.key" }';
const read = (text: string) => withNamedFiles(Buffer.from(text), join(folder, 'project.yaml'));

t.test('contents stand in place of the names of files in a project', async (t) => {
  const { targets } = parseDocument(
    read(`name: p\nbasePath: /p\ntargets:\n  ca: { url: "https://a", ${tls} }\n  default: { url: "http://key" }\n`),
    pushedProject,
  );
  t.match(targets['ca']?.tls, { ca: authority, certificate: client.cert, key: client.key });
  const json = { name: 'p', basePath: '/p', targets: { default: { url: 'https://a', tls: { ca: 'root.pem' } } } };
  t.match(parseDocument(read(JSON.stringify(json)), pushedProject), { targets: { default: { tls: { ca: authority } } } });
});

t.test('other texts stay, byte for byte', async (t) => {
  for (const text of [
    'targets: { a: { tls: { ca: "${variables.ca}", key: "hidden private key sha256:00" } } }',
    `targets: { a: { tls: { ca: ${JSON.stringify(authority)} } } }`,
    'policies: { proxyRequest: [ { own: { tls: { key: root.pem } } } ] }',
    'targets: { a: { tls: { serverName: root.pem } } }',
    'tls: [',
  ])
    t.equal(Buffer.from(read(text)).toString(), text);
});

t.test('a file that cannot be read is a fault with its line', async (t) => {
  try {
    read('name: p\ntargets:\n  default:\n    tls:\n      ca: none.pem\n      key: .\n');
    t.fail('it is refused');
  } catch (error) {
    t.match((error as SluiceError).faults, [
      { path: 'targets.default.tls.ca', line: 5, message: /"none\.pem": there is no such file/ },
      { path: 'targets.default.tls.key', line: 6, message: /EISDIR/ },
    ]);
  }
});

t.test('a configuration names files of static servers', async (t) => {
  const file = join(folder, 'sluice.yaml');
  writeFileSync(file, `environments:\n  e:\n    listen: 127.0.0.1:8080\n    servers:\n      - { id: a, address: "127.0.0.1:1", ${tls} }\n`);
  const [environment] = loadConfig({ file, env: {} }).environments;
  t.match(environment?.spec.servers, [{ id: 'a', tls: { ca: authority, certificate: client.cert, key: client.key } }]);
});
