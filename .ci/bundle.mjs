import { readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { buildPage } from './build-page.mjs';
import { outside } from './manifest.mjs';

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
  const shipped = {
    page,
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
    logLevel: 'warning',
    ...(kind === 'whole' ? { format: 'cjs' } : { format: 'esm', external: outside, banner: { js: commonJs } }),
  });
  return [metafile, ofPage];
}
