import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { buildPage } from './build-page.mjs';
import { outside } from './manifest.mjs';

/**
 * Loads the packages outside at the place of their first import, as all others, and not before the whole bundle: the program's first module sets how V8
 * collects garbage, and must come before theirs.
 */
const inTurn = {
  name: 'packages outside, in turn',
  setup({ onResolve, onLoad }) {
    const namespace = 'outside';
    onResolve({ filter: new RegExp(`^(${outside.join('|')})$`) }, ({ path, namespace: from }) =>
      from === namespace ? { path, external: true } : { path, namespace },
    );
    onLoad({ filter: /./, namespace }, ({ path }) => ({ contents: `module.exports = require(${JSON.stringify(path)})` }));
  },
};

/** Defines `require` for the CommonJS packages inside a bundle that is an ES module. */
const commonJs = `import { createRequire as createRequireForBundle } from 'node:module';
const require = createRequireForBundle(import.meta.url);`;

/**
 * Bundles the program into `outfile`, with the files that it ships (src/assembly/shipped.ts) inside. Run it from the checkout.
 * `script`: an ES module; the packages that are installed with it stay outside (.ci/manifest.mjs), all others are inside.
 * `library`: the same for src/index.ts, the package's API.
 * `whole`: CommonJS with every package inside, which a single executable needs.
 * Returns esbuild's metafiles, which list the contents.
 */
export async function bundleProgram(kind, outfile) {
  const { page, metafile: ofPage } = await buildPage();
  // Compressed: V8 keeps the source in memory.
  const packed = (text) => gzipSync(text, { level: 9 }).toString('base64');
  const shipped = {
    page: Object.fromEntries(Object.entries(page).map(([path, text]) => [path, packed(text)])),
    openapi: packed(JSON.stringify(JSON.parse(readFileSync('config/openapi.json', 'utf8')))),
    quickstart: readFileSync('config/quickstart.yaml', 'utf8'),
    sampleProject: readFileSync('config/hello-project.yaml', 'utf8'),
  };
  const { metafile } = await build({
    entryPoints: [kind === 'library' ? 'src/index.ts' : 'src/main.ts'],
    metafile: true,
    absWorkingDir: process.cwd(),
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    // ws would look for its optional native modules, which are absent; inside an executable, Node.js warns of each such attempt.
    define: { SHIPPED: JSON.stringify(shipped), 'process.env.WS_NO_BUFFER_UTIL': '"1"', 'process.env.WS_NO_UTF_8_VALIDATE': '"1"' },
    // V8 keeps the source in memory, and two octets a character for all of it if one is not ASCII. Licences are in THIRD-PARTY-NOTICES. Names and short lines
    // stay, so that a stack trace can be read.
    minifyWhitespace: true,
    legalComments: 'none',
    lineLimit: 160,
    logLevel: 'warning',
    ...(kind === 'whole' ? { format: 'cjs' } : { format: 'esm', plugins: [inTurn], banner: { js: commonJs } }),
  });
  return [metafile, ofPage];
}
