import { test } from 'tap';
import { parseDocument } from '../../src/config/document.ts';
import { SluiceError } from '../../src/model/fault.ts';
import { atOnce } from '../../src/model/pieces.ts';
import { project } from '../../src/model/project.ts';
import { faultsIn } from '../../src/projects/project-plan.ts';
import { pushedProject } from '../../src/projects/pushed-project.ts';

/** Faults of a project file, as `line path: message`. */
function faultsOf(text: string): string[] {
  try {
    parseDocument(text, pushedProject);
    return [];
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    return error.faults.map(({ line, path, message }) => `${line} ${path}: ${message}`);
  }
}

const head = 'name: shop\nbasePath: /shop\ntargets:\n  default: { url: "http://127.0.0.1:9201" }\n';

test('a push is refused for everything that servers would reject, with its place', async (t) => {
  const cases: [text: string, faults: RegExp[]][] = [
    [
      `${head}resources:\n  - { path: /a }\n  - { path: /a, methods: [GET] }\n`,
      [/^7 resources\.1\.path: another resource has the path \/a/],
    ],
    [`${head}resources:\n  - { path: "/{a}" }\n  - { path: "/{b}" }\n`, [/^7 resources\.1\.path: another resource/]],
    [`${head}resources:\n  - { path: "/x" }\n  - { path: "/x/" }\n`, [/^7 resources\.1\.path: another resource/]],
    [`${head}resources:\n  - { path: "/{a" }\n`, [/^6 resources\.0\.path: .*a parameter is written \{name\}/]],
    [`${head}resources:\n  - { path: "/{a}{b}" }\n`, [/^6 resources\.0\.path: .*two parameters/]],
    [head.replace('/shop', '/.sluice'), [/^2 basePath: \/\.sluice is reserved/]],
    [head.replace('/shop', '/.sluice/ready'), [/^2 basePath: .*reserved/]],
    [head.replace('/shop', '/a%zz'), [/^2 basePath: .*broken percent-encoding/]],
    [head.replace('/shop', '/a%'), [/^2 basePath: .*broken percent-encoding/]],
    [head.replace('/shop', String.raw`/a\b`), [/^2 basePath: .*backslash/]],
    [
      `${head}  b: { url: "http://b", failover: c }\n  c: { url: "http://c", failover: b }\n`,
      [/^5 targets\.b\.failover: leads back/, /^6 targets\.c\.failover: leads back/],
    ],
    [
      `${head}  two.dots: { urls: [{ url: "http://b", weight: 0 }, { url: "http://c", weight: 0 }] }\n`,
      [/^5 targets\.two\.dots: every URL has weight 0/],
    ],
    [`${head}  b: { urls: [{ url: "\${variables.x}", weight: 0 }] }\n`, [/^5 targets\.b: every URL has weight 0/]],
    [`${head}  b: { urls: [{ url: "\${variables.x}" }, { url: "\${variables.x}" }] }\n`, [/^5 targets\.b\.urls\.1\.url: .*listed twice/]],
    [`${head}  b: { url: "http://\${env.HOME}/" }\n`, [/^5 targets\.b\.url: "\$\{env\.HOME\}" is not a reference to a variable/]],
    [`${head}  b: { url: "http://\${variables.x/" }\n`, [/^5 targets\.b\.url: .*is not a reference to a variable/]],
    [`${head}  b: { url: "http://b", tls: { verify: false } }\n`, [/^5 targets\.b\.tls: has no effect/]],
    [
      `${head}policies:\n  proxyRequest:\n    - headers: { set: { x: "\${y}" } }\n`,
      [/^7 policies\.proxyRequest\.0\.headers\.set\.x: "\$\{y\}"/],
    ],
  ];
  for (const [text, faults] of cases) t.match(faultsOf(text), faults, text);
  for (const [text, { length }] of cases) t.equal(faultsOf(text).length, length, `no other faults in ${text}`);
});

test('a push is refused for what no request could ever match', async (t) => {
  for (const basePath of ['/{tenant}', '/a/%2e%2E/b', '/%2E', '/.SLUICE', '/.%53luice/x', `/${'a'.repeat(9000)}`])
    t.match(faultsOf(head.replace('/shop', `"${basePath}"`)), [/^2 basePath: /], basePath.slice(0, 50));
  t.match(faultsOf(head.replace('/shop', '/caf\u00e9')), [/^2 basePath: never matches, .* write \/caf%C3%A9$/]);
  t.same(faultsOf(head.replace('/shop', '/caf%C3%A9')), []);
  t.same(faultsOf(head.replace('/shop', '/.sluices')), []);
  for (const path of ['/a%zz', '/a%', '/%00', '/%2e%2e/x', String.raw`/a\b`])
    t.match(faultsOf(`${head}resources:\n  - { path: '${path}' }\n`), [/^6 resources\.0\.path: /], path);
  t.match(faultsOf(`${head.replace('/shop', '/')}resources:\n  - { path: /.sluice/x }\n`), [/^6 resources\.0\.path: .*reserved/]);
  t.same(faultsOf(`${head}resources:\n  - { path: "/caf\u00e9/{id}.json" }\n  - { path: /.sluice/x }\n`), []);
});

test('a push is refused for paths that servers read in different ways', async (t) => {
  for (const basePath of ['/a;v=1', '/a%3Bv', '/a%2Fb', '/a%5Cb', '/a%252Fb', '/a%20', '/a%3Fb'])
    t.match(faultsOf(head.replace('/shop', `"${basePath}"`)), [/^2 basePath: never matches, because servers/], basePath);
  for (const basePath of ['/a/..%2Fb', '/a/..;/b', '/a%c0%af'])
    t.match(faultsOf(head.replace('/shop', `"${basePath}"`)), [/^2 basePath: .* is not a valid path/], basePath);
  const resources = (path: string, more = '') => `${head}${more}resources:\n  - { path: "${path}" }\n`;
  t.match(faultsOf(resources('/a%2Fb')), [/^6 resources\.0\.path: never matches: .*encodedSlashes: keep$/]);
  t.match(faultsOf(resources('/a%5Cb')), [/^6 resources\.0\.path: never matches: .*encodedSlashes: keep$/]);
  const keep = 'encodedSlashes: keep\n';
  t.match(faultsOf(resources('/a%2Fb', keep)), [/^7 resources\.0\.path: never matches: .* read it as \/a\/b, /]);
  t.same(faultsOf(`${resources('/a%2Fb', keep)}  - { path: "/a/{name}" }\n`), []);
  t.match(faultsOf(resources('/a;v={v}')), [/^6 resources\.0\.path: never matches: .* read it as \/a, /]);
  t.same(faultsOf(`${resources('/a;v={v}')}  - { path: /a }\n`), []);
  t.match(faultsOf(`${head}encodedSlashes: yes\nmergeSlashes: 1\n`).length, 2);
});

test('variables in paths are refused, since they are not replaced there', async (t) => {
  t.match(faultsOf(head.replace('/shop', '"/${variables.x}"')), [/^2 basePath: must not contain \$\{…\}/]);
  t.match(faultsOf(`${head}resources:\n  - { path: "/a/\${variables.x}" }\n`), [/^6 resources\.0\.path: must not contain/]);
});

test('a fault hides no other fault', async (t) => {
  const faults = faultsOf(`name: shop
basePath: shop
colour: red
targets:
  default: { urls: [{ url: "ftp://x" }], failover: nowhere }
  b: { url: "http://b", failover: b }
  c: { url: "http://c", urls: [], extra: 1 }
resources:
  - { path: "/{a", methods: [get], target: gone, policies: { proxyRequest: [{ nonsense: {} }] } }
  - { path: /x }
  - { path: /x }
policies:
  proxyRequest:
    - { headers: { remove: [host] } }
    - { headers: {}, apiKey: {} }
    - { apiKey: { keys: [] } }
  nowhen: []
`);
  const places = [
    ['2 basePath', '3 colour', '5 targets.default.urls.0.url', '5 targets.default.failover', '6 targets.b.failover', '7 targets.c.urls'],
    ['7 targets.c.extra', '7 targets.c', '9 resources.0.methods.0', '9 resources.0.target'],
    ['9 resources.0.policies.proxyRequest.0.nonsense', '11 resources.2.path', '14 policies.proxyRequest.0.headers.remove.0'],
    ['15 policies.proxyRequest.1', '16 policies.proxyRequest.2.apiKey.keys', '17 policies.nowhen'],
  ].flat();
  t.same(faults.map((fault) => fault.replace(/: .*$/s, '')).sort(), places.sort());
  t.notMatch(faults.join('\n'), /Invalid|Unrecognized|Too (?:small|big)|expected \w+, received/, 'no text of the schema library');
});

test('values that depend on variables are judged with the variables of an environment', async (t) => {
  const faultsWith = (variables: Record<string, string>) => atOnce(faultsIn(shop, variables));
  const text = `${head.replace('"http://127.0.0.1:9201"', `"\${variables.backend}/v1"`)}policies:
  proxyRequest:
    - apiKey: { header: "\${variables.field}", keys: ["\${variables.key}"] }
`;
  t.same(faultsOf(text), [], 'nothing is known to be wrong before the variables are known');
  const shop = parseDocument(text, pushedProject);
  t.same(project.parse(shop), shop, 'the result is a project');
  t.same(faultsWith({ backend: 'http://127.0.0.1:1', field: 'x-key', key: 'k' }), []);
  t.match(faultsWith({ field: 'x-key', key: 'k' }), [{ path: 'targets.default.url', message: /no variable "backend"/ }]);
  t.match(faultsWith({ backend: 'http://127.0.0.1:1', field: 'x key', key: 'k' }), [
    { path: 'policies.proxyRequest.0.apiKey.header', message: 'must be a header field name' },
  ]);
});
