import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { test } from 'tap';
import { parse } from 'yaml';
import { apiDescription } from '../../config/api-description.ts';
import { jsonSchemas } from '../../config/json-schemas.ts';
import { loadConfig } from '../../src/config/config.ts';
import { parseDocument } from '../../src/config/document.ts';
import { pushedProject } from '../../src/projects/pushed-project.ts';

const folder = new URL('../../config/', import.meta.url);
const files = readdirSync(folder).filter((file) => /\.ya?ml$/.test(file));

test('every file in config/ loads, and names its schema', async (t) => {
  t.ok(files.length >= 3, `found ${files.join(', ')}`);
  for (const file of files) {
    const path = fileURLToPath(new URL(file, folder));
    const text = readFileSync(path, 'utf8');
    if (text.startsWith('# yaml-language-server: $schema=project.schema.json\n')) {
      t.doesNotThrow(() => parseDocument(text, pushedProject, { file }), file);
    } else {
      t.ok(text.startsWith('# yaml-language-server: $schema=sluice.schema.json\n'), `${file} names a schema on its first line`);
      t.ok(loadConfig({ file: path, env: {} }).environments.length > 0, file);
    }
  }
});

test('the quick start has the addresses that the README and `sluice up` name', async (t) => {
  const config = loadConfig({ file: fileURLToPath(new URL('quickstart.yaml', folder)), env: {} });
  t.equal(config.control.listen, '127.0.0.1:9000');
  t.equal(config.registry.url, 'embedded:./data');
  t.strictSame(
    config.environments.map(({ name, spec }) => [name, spec.listen, spec.balance]),
    [['production', '127.0.0.1:8080', 'least-connections']],
  );
});

test('the JSON Schemas and the description of the API in config/ are up to date (else: `npm run schema`)', async (t) => {
  for (const [file, text] of Object.entries(jsonSchemas())) t.equal(readFileSync(new URL(file, folder), 'utf8'), text, file);
  t.equal(readFileSync(new URL('openapi.json', folder), 'utf8'), await apiDescription(), 'openapi.json');
});

test('the JSON Schema of projects accepts every project on the pages about policies, and finds faults in the settings of policies', async (t) => {
  const valid = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(
    JSON.parse(jsonSchemas()['project.schema.json'] ?? ''),
  );
  const page = readFileSync(new URL('../docs/policies.md', folder), 'utf8');
  const projects = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => parse(text)).filter((one) => 'basePath' in one);
  t.ok(projects.length > 20, `${projects.length} projects`);
  for (const project of projects) t.ok(valid(project), `${project.name}: ${JSON.stringify(valid.errors)}`);
  const withPolicy = (point: string, policy: unknown) => ({
    name: 'shop',
    basePath: '/shop',
    targets: { default: { url: 'http://127.0.0.1' } },
    policies: { [point]: [policy] },
  });
  t.ok(valid(withPolicy('proxyRequest', { rateLimit: { limit: `\${variables.limit}` } })), 'a variable instead of a number');
  t.ok(valid(withPolicy('proxyResponse', { compress: null })), 'a policy without settings');
  for (const policy of [{ rateLimit: { limt: 1 } }, { rateLimit: { limit: 'many' } }, { nonsense: {} }, {}, { cache: {}, cors: {} }])
    t.notOk(valid(withPolicy('proxyRequest', policy)), JSON.stringify(policy));
  t.notOk(valid(withPolicy('proxyResponse', { rateLimit: { limit: 1 } })), 'a policy at a point where it cannot be used');
});

test('every option has a description', async (t) => {
  for (const text of Object.values(jsonSchemas())) {
    const undescribed: string[] = [];
    walk(JSON.parse(text), '', undescribed);
    t.strictSame(undescribed, []);
  }
});

interface JsonSchema {
  description?: string;
  properties?: Record<string, JsonSchema>;
  $ref?: string;
  [key: string]: unknown;
}

function walk(schema: JsonSchema, path: string, undescribed: string[]): void {
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    if (value.description === undefined && value.$ref === undefined) undescribed.push(`${path}.${key}`);
  }
  for (const [key, value] of Object.entries(schema)) {
    if (value !== null && typeof value === 'object') walk(value as JsonSchema, `${path}.${key}`, undescribed);
  }
}
