import { readFileSync } from 'node:fs';
import { readConfig } from '../../src/config/config.ts';
import { parseDocument } from '../../src/config/document.ts';
import { compileProject } from '../../src/gateway/compiled-project.ts';
import { SluiceError } from '../../src/model/fault.ts';
import { pushedProject } from '../../src/projects/pushed-project.ts';
import fc from '../tools/fast-check.ts';
import { policyServices } from '../tools/policy-services.ts';
import type { Fuzzer } from './fuzzer.ts';
import { damaged, edits } from './texts.ts';

const project = `
name: shop
version: "1.0.2"
basePath: /shop
targets:
  default: { url: "http://127.0.0.1:9201/api", timeouts: { connect: 1s } }
  many: { urls: [{ url: "https://a.example/x", weight: 2 }, { url: "http://b.example" }], failover: default }
resources:
  - { path: "/pets/{petId}", methods: [GET, DELETE], target: default, policies: { proxyRequest: [] } }
  - { path: /pets, methods: [GET, POST], childPaths: true, target: many }
forwardBasePath: false
policies:
  proxyRequest: [ { apiKey: { header: x-api-key, keys: ["0123456789abcdef"] } } ]
  proxyResponse: [ { headers: { set: { x-a: "\${variables.a}" }, remove: [server] } } ]
`;

/** Returns what `read` returns; undefined if it refuses with a reason. Anything else that it throws is a bug. */
function unlessRefused<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SluiceError && error.code !== 'internal' && error.message.length > 10) return undefined;
    throw error;
  }
}

/** Damaged configuration files. */
export const configurationFiles: Fuzzer = {
  name: 'configuration-files',
  async open() {
    let reached = 0;
    const originals = ['production.yaml', 'quickstart.yaml'].map((name) =>
      readFileSync(new URL(`../../config/${name}`, import.meta.url), 'utf8'),
    );
    const property = fc.asyncProperty(fc.constantFrom(...originals), edits, async (original, changes) => {
      if (unlessRefused(() => readConfig(damaged(original, changes), { env: {} })) !== undefined) reached++;
    });
    return { property, reached: () => reached, close: async () => {} };
  },
};

/** Damaged project files: what is accepted can be served, unless a variable is missing. */
export const projectFiles: Fuzzer = {
  name: 'project-files',
  async open() {
    let reached = 0;
    const property = fc.asyncProperty(edits, async (changes) => {
      const accepted = unlessRefused(() => parseDocument(damaged(project, changes), pushedProject));
      if (accepted === undefined) return;
      const { name } = accepted;
      const origin = { epoch: 'e', variables: { a: 'b' } };
      if (
        unlessRefused(() => compileProject({ name, revision: 1, project: accepted }, { origin, services: policyServices() })) !== undefined
      )
        reached++;
    });
    return { property, reached: () => reached, close: async () => {} };
  },
};
