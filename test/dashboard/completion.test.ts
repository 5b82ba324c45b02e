import { readFileSync } from 'node:fs';
import { type Test, test } from 'tap';
import { isMap, isPair, isScalar, parseDocument, visit } from 'yaml';
import { jsonSchemas } from '../../config/json-schemas.ts';
import { placeAt, type Step } from '../../src/dashboard/editor/document-place.ts';
import { optionsAt, type Schema } from '../../src/dashboard/editor/schema-options.ts';

const schema = JSON.parse(jsonSchemas()['project.schema.json'] ?? '') as Schema;
const page = readFileSync(new URL('../../docs/policies.md', import.meta.url), 'utf8');
const documents = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text).filter((text) => text.includes('basePath'));

/** The words that are offered at the mark `|` of a text. */
function offered(marked: string): string[] {
  const at = marked.indexOf('|');
  const place = placeAt(marked.slice(0, at) + marked.slice(at + 1), at);
  return place === undefined ? [] : optionsAt(schema, place).map(({ word }) => word);
}

/** Compares the place at the end of every key and value of a document with what a parser of YAML finds there. */
function compare(t: Test, text: string): number {
  let count = 0;
  const check = (kind: 'key' | 'value', offset: number, path: readonly unknown[]) => {
    const place = placeAt(text, offset);
    // A value in a list or under a key of its own line can be the beginning of a map: it is a place for a key.
    const found = place && { path: place.path, kind: kind === 'value' && place.path.length === path.length ? 'value' : place.kind };
    t.strictSame(found, { path, kind }, `${offset}: …${text.slice(Math.max(0, offset - 40), offset)}|`);
    count++;
  };
  const steps = (ancestors: readonly unknown[]): Step[] =>
    ancestors.flatMap((node, index): Step[] => {
      const next = ancestors[index + 1];
      if (isPair(node)) return [String(isScalar(node.key) ? node.key.value : node.key)];
      const list = node as { items?: unknown[] };
      return Array.isArray(list?.items) && !isMap(node) && next !== undefined ? [list.items.indexOf(next)] : [];
    });
  visit(parseDocument(text), {
    Scalar(key, node, ancestors) {
      if (node.range == null || node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED') return;
      const quoted = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE';
      const offset = node.range[1] - (quoted ? 1 : 0);
      if (offset === node.range[0] || text.slice(node.range[0], offset).includes('\n')) return;
      check(key === 'key' ? 'key' : 'value', offset, steps(key === 'key' ? ancestors.slice(0, -1) : [...ancestors, node]));
    },
  });
  return count;
}

test('the place of every key and value of a document is the one that a parser finds, in YAML and JSON', async (t) => {
  t.ok(documents.length > 20);
  let count = 0;
  for (const text of documents) {
    count += compare(t, text);
    const content = parseDocument(text).toJS();
    count += compare(t, JSON.stringify(content, undefined, 2));
    count += compare(t, JSON.stringify(content));
  }
  t.ok(count > 1000, `${count} places`);
});

test('a project is completed as it is typed', async (t) => {
  const start = 'name: shop\nbasePath: /shop\n';
  const offers = (text: string, words: readonly string[]) =>
    t.same(
      words.filter((word) => !offered(text).includes(word)),
      [],
      text,
    );
  offers('|', ['name', 'basePath', 'targets']);
  t.notOk(offered(`${start}|`).includes('basePath'), 'keys that are there already are not offered');
  t.notOk(offered(`|\n${start}`).includes('basePath'), 'nor those that come later');
  offers(`${start}targets:\n  default:\n    |`, ['url', 'urls', 'failover']);
  t.same(offered(`${start}policies:\n  |`), ['proxyRequest', 'targetRequest', 'targetResponse', 'proxyResponse']);
  for (const dash of ['', '- ', '- ra']) {
    const names = offered(`${start}policies:\n  proxyRequest:\n    ${dash}|`);
    t.ok(names.includes('rateLimit') && names.includes('apiKey'), `${names}`);
    t.notOk(offered(`${start}policies:\n  proxyResponse:\n    ${dash}|`).includes('rateLimit'), 'only policies of the point');
  }
  offers(`${start}policies:\n  proxyRequest:\n    - rateLimit:\n        limit: 5\n        |`, ['window', 'burst', 'by']);
  offers(`${start}policies:\n  proxyRequest:\n    - rateLimit: { limit: 5, |`, ['window', 'burst', 'by']);
  offers(`${start}policies:\n  proxyRequest:\n    - rateLimit: { limit: 5, | }`, ['window', 'burst', 'by']);
  t.same(offered(`${start}policies:\n  proxyRequest:\n    - rateLimit: { limit: 5 }\n      |`), [], 'one policy an entry');
  t.same(offered(`${start}policies:\n  proxyRequest:\n    - rateLimit: { exact: |`), ['true', 'false']);
  t.same(offered(`${start}encodedSlashes: |`), ['reject', 'keep']);
  offers(`${start}resources:\n  - path: /a\n    methods: [GET]\n    |`, ['target', 'childPaths']);
  offers(`${start}resources:\n- path: /a\n  |`, ['methods']);
  offers('{"name": "shop", "|', ['version', 'basePath']);
  offers('{"name": "shop", "policies": {"proxyRequest": [{"|"}]}, "basePath": "/"}', ['apiKey']);
  offers('{"policies": {"proxyRequest": [{"rateLimit": {"exact": |', ['true', 'false']);
});

test('nothing is offered in comments, texts of several lines, and unknown parts', async (t) => {
  for (const text of [
    '# |',
    'name: x # |',
    'version: |-\n  a\n  b@',
    'version: "a\n  @',
    'nonsense:\n  @',
    'name:@',
    '-@',
    '{"a": 1} @',
    '--- @',
  ])
    t.same(offered(text.includes('@') ? text.replaceAll('|', '>').replace('@', '|') : text), [], JSON.stringify(text));
  t.same(placeAt('a: [', 4)?.path, ['a', 0]);
  t.same(placeAt('a: {b: "c', 9), {
    kind: 'value',
    path: ['a', 'b'],
    from: 8,
    used: new Set(['b']),
    flow: true,
    quote: '"',
    column: 0,
    afterDash: false,
  });
});

test('a large document is read at once', async (t) => {
  const text = `name: a\nresources:\n${'  - path: /a\n    policies: { proxyRequest: [{ cors: { origins: ["*"] } }] }\n'.repeat(20_000)}    `;
  t.same(placeAt(text, text.length)?.path, ['resources', 19_999]);
});
