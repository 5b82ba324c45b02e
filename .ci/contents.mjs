// Writes the contents of a build beside it: the licence of every package (THIRD-PARTY-NOTICES), and a bill of materials (sbom.cdx.json, CycloneDX).
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of the package that a file belongs to; undefined for a file of Sluice itself. */
const packageFolder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;

/**
 * Writes both files, whose names begin with `prefix`; run from the checkout. `metafiles` are esbuild's lists of the files that it read.
 * `more` are components that esbuild does not know, in the form of {@link packageIn}. Throws an error with a one-line message if a licence is missing.
 */
export function writeContents(prefix, metafiles, more = []) {
  const { packages: locked } = read('package-lock.json');
  const byFolder = new Map();
  const packages = new Map();
  const own = new Set(more.map(({ purl }) => purl));
  const found = (file) => {
    const [folder] = packageFolder.exec(file) ?? [];
    if (folder === undefined) return undefined;
    const one = byFolder.get(folder) ?? packageIn(folder, locked);
    byFolder.set(folder, one);
    // The same version in two folders is one package.
    if (!packages.has(one.purl)) packages.set(one.purl, one);
    return packages.get(one.purl);
  };
  for (const { outputs, inputs } of metafiles) {
    // esbuild also lists files that it read but left out of its output.
    const inside = new Set(Object.values(outputs).flatMap((output) => Object.keys(output.inputs)));
    for (const file of inside) {
      const user = found(file);
      const used = (inputs[file]?.imports ?? []).filter(({ path }) => inside.has(path)).map(({ path }) => found(path));
      for (const one of used) if (one !== undefined && one !== user) (user?.uses ?? own).add(one.purl);
    }
  }
  const all = [...more, ...packages.values()].sort((one, other) => (one.purl < other.purl ? -1 : 1));
  writeFileSync(`${prefix}THIRD-PARTY-NOTICES`, notices(all));
  writeFileSync(`${prefix}sbom.cdx.json`, `${JSON.stringify(billOfMaterials(all, own), null, 2)}\n`);
}

/** An installed package: name, version, `purl`, licence and its `texts`, hash of what npm fetched, and what it `uses`. */
function packageIn(folder, locked) {
  const { name, version, license, author } = read(join(folder, 'package.json'));
  const { integrity } = locked[folder.slice(folder.indexOf('node_modules/'))] ?? {};
  if (integrity === undefined) throw new Error(`${folder} is not in package-lock.json`);
  const files = readdirSync(folder).filter((file) => /^(licen[sc]e|copying|notice)/i.test(file));
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8').trim());
  if (texts.length === 0 && license === 'MIT') texts.push(mit(author));
  if (texts.length === 0 || typeof license !== 'string') throw new Error(`${folder} says nothing of its licence that could be passed on`);
  return { name, version, license, purl: purlOf(name, version), integrity, texts, uses: new Set() };
}

/** The text of Sluice's own licence, for a package that names the same licence without including its text. */
function mit(author) {
  const text = readFileSync('LICENSE', 'utf8');
  return `MIT License\n\nCopyright (c) ${author?.name ?? author}\n\n${text.slice(text.indexOf('Permission is hereby granted')).trim()}`;
}

export function purlOf(name, version) {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

function notices(all) {
  const parts = all.map(({ name, version, license, texts }) => `${name} ${version} (${license})\n\n${texts.join('\n\n')}\n`);
  return [`Sluice contains these packages of others, each under its own licence.\n`, ...parts].join(`\n${'='.repeat(80)}\n\n`);
}

function billOfMaterials(all, own) {
  const { name, version, license, description } = read('package.json');
  const purl = purlOf(name, version);
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'application', 'bom-ref': purl, name, version, description, licenses: licences(license), purl } },
    components: all.map((one) => ({
      type: one.type ?? 'library',
      'bom-ref': one.purl,
      name: one.name,
      version: one.version,
      licenses: licences(one.license),
      purl: one.purl,
      ...(one.cpe && { cpe: one.cpe }),
      hashes: [{ alg: 'SHA-512', content: Buffer.from(one.integrity.replace('sha512-', ''), 'base64').toString('hex') }],
    })),
    dependencies: [{ ref: purl, dependsOn: [...own].sort() }, ...all.map(({ purl, uses }) => ({ ref: purl, dependsOn: [...uses].sort() }))],
  };
}

function licences(license) {
  return / (?:OR|AND|WITH) /.test(license) ? [{ expression: license }] : [{ license: { id: license } }];
}

function read(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
