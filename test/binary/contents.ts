import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Test } from 'tap';
import { root } from '../tools/source-files.ts';

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses: readonly unknown[];
  readonly hashes: readonly { readonly alg: string; readonly content: string }[];
}

interface Bill {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

const checkout = fileURLToPath(root);

/** Lists the folders of the packages that esbuild bundles into the program and the dashboard, without the `external` ones. */
export async function bundledPackages(external: readonly string[]): Promise<string[]> {
  const common = { absWorkingDir: checkout, bundle: true, write: false, metafile: true, outdir: '/nowhere', logLevel: 'silent' } as const;
  const results = await Promise.all([
    build({ ...common, entryPoints: ['src/main.ts'], platform: 'node', external: [...external] }),
    // Minified and split as the page is: what only unused functions import is left out.
    build({
      ...common,
      entryPoints: ['src/dashboard/main.tsx'],
      jsx: 'automatic',
      jsxImportSource: 'preact',
      format: 'esm',
      minify: true,
      splitting: true,
    }),
  ]);
  const files = results.flatMap(({ metafile }) => Object.values(metafile.outputs)).flatMap(({ inputs }) => Object.keys(inputs));
  return [...new Set(files.filter((file) => file.includes('node_modules/')).map((file) => packageOf(resolve(checkout, file))))];
}

/** Checks that the notices and the bill of materials list exactly these packages and `more`, with the text of each licence. Returns both. */
export function checkContents(
  t: Test,
  prefix: string,
  folders: readonly string[],
  more: readonly string[] = [],
): { bill: Bill; notices: string } {
  const notices = readFileSync(`${prefix}THIRD-PARTY-NOTICES`, 'utf8');
  const bill: Bill = JSON.parse(readFileSync(`${prefix}sbom.cdx.json`, 'utf8'));
  t.match(bill, { bomFormat: 'CycloneDX', specVersion: '1.5' });
  const wanted = folders.map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return `${name} ${version}`;
  });
  const found = bill.components.map(({ name, version }) => `${name} ${version}`);
  t.strictSame(found.toSorted(), [...new Set([...wanted, ...more])].sort(), 'the bill lists each bundled package once');
  for (const { name, purl, licenses, hashes } of bill.components) {
    t.match(licenses, [/./], name);
    t.match(hashes, [{ alg: 'SHA-512', content: /^[0-9a-f]{128}$/ }], name);
    t.ok(
      bill.dependencies.some(({ dependsOn }) => dependsOn.includes(purl)) || more.some((one) => one.startsWith(name)),
      `${name} is used`,
    );
  }
  const parts = notices.split(`\n${'='.repeat(80)}\n\n`).slice(1);
  t.equal(parts.length, bill.components.length);
  for (const [index, folder] of folders.entries()) {
    const part = parts.find((one) => one.startsWith(`${wanted[index]} (`)) ?? '';
    const files = readdirSync(folder).filter((file) => /^licen[sc]e/i.test(file));
    t.ok(files.length > 0 || /Permission is hereby granted/.test(part), `${wanted[index]}: a licence`);
    for (const file of files) t.ok(part.includes(readFileSync(join(folder, file), 'utf8').trim()), `${wanted[index]}: ${file}`);
  }
  return { bill, notices };
}

function packageOf(file: string): string {
  const folder = dirname(file);
  return /node_modules\/(?:@[^/]+\/)?[^/]+$/.test(folder) && existsSync(join(folder, 'package.json')) ? folder : packageOf(folder);
}
