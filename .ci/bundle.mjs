import { readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { buildPage } from './build-page.mjs';

/**
 * Bundles the program into `outfile`, with the files that it ships (src/assembly/shipped.ts) inside; run from the checkout.
 * `script`: an ES module, beside node_modules. `whole`: CommonJS with every package inside, which a single executable needs.
 */
export async function bundleProgram(kind, outfile) {
  const shipped = {
    page: await buildPage(),
    quickstart: readFileSync('config/quickstart.yaml', 'utf8'),
    sampleProject: readFileSync('config/hello-project.yaml', 'utf8'),
  };
  await build({
    entryPoints: ['src/main.ts'],
    absWorkingDir: process.cwd(),
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    // ws would look for faster native parts of itself, which are not there; Node.js warns of every such look from inside an executable.
    define: { SHIPPED: JSON.stringify(shipped), 'process.env.WS_NO_BUFFER_UTIL': '"1"', 'process.env.WS_NO_UTF_8_VALIDATE': '"1"' },
    logLevel: 'warning',
    ...(kind === 'script' ? { format: 'esm', packages: 'external' } : { format: 'cjs' }),
  });
}
