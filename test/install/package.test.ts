import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Test, test } from 'tap';
import { ownFolder } from '../tools/own-folder.ts';
import { SluiceProcess } from '../tools/sluice-process.ts';
import { root, textOf } from '../tools/source-files.ts';

const checkout = fileURLToPath(root);
/** Runs a command without what tap adds to each Node.js process. */
function run(command: string, args: readonly string[], cwd = checkout) {
  return promisify(execFile)('env', ['-u', 'NODE_OPTIONS', command, ...args], { cwd, maxBuffer: 1e7 });
}

const anywhere = { SLUICE_CONTROL_LISTEN: '127.0.0.1:0', SLUICE_ENVIRONMENTS_PRODUCTION_LISTEN: '127.0.0.1:0' };

/** Packs a copy of the checkout, since packing rewrites package.json and dist for a moment, and unpacks it as npm would install it. */
async function installPackage(t: Test): Promise<{ folder: string; files: string[] }> {
  const copy = join(ownFolder(t), 'checkout');
  const { stdout: listed } = await run('git', ['ls-files', '-co', '--exclude-standard']);
  for (const file of listed.trim().split('\n')) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(checkout, file), join(copy, file), { recursive: true });
  }
  symlinkSync(join(checkout, 'node_modules'), join(copy, 'node_modules'));
  const folder = ownFolder(t);
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], copy);
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[')));
  t.equal(readFileSync(join(copy, 'package.json'), 'utf8'), textOf('package.json'), 'packing leaves package.json as it was');

  const installed = join(folder, 'node_modules/sluice');
  mkdirSync(installed, { recursive: true });
  await run('tar', ['-xzf', join(folder, packed.filename), '-C', installed, '--strip-components=1']);
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  for (const name of Object.keys(dependencies)) symlinkSync(join(checkout, 'node_modules', name), join(folder, 'node_modules', name));
  return { folder, files: packed.files.map(({ path }: { path: string }) => path) };
}

test('npm pack makes a package that works', { timeout: 300_000 }, async (t) => {
  const { folder, files } = await installPackage(t);
  const installed = join(folder, 'node_modules/sluice');

  await t.test('it holds the program, the library, types, notices and documents, and nothing else', async (t) => {
    for (const file of [
      'dist/sluice.mjs',
      'dist/index.mjs',
      'dist/types/index.d.ts',
      'dist/THIRD-PARTY-NOTICES',
      'dist/sbom.cdx.json',
      'README.md',
      'LICENSE',
    ])
      t.ok(files.includes(file), file);
    t.strictSame(
      files.filter((file) => /^(?:src|test|bench|\.ci|node_modules)\//.test(file) || /\.test\.|\.tgz$/.test(file)),
      [],
    );
  });

  await t.test('its users need no override and get no tool', async (t) => {
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    t.strictSame(Object.keys(manifest.dependencies).sort(), ['http-proxy', 'ioredis', 'pino', 'ws']);
    for (const key of ['overrides', 'devDependencies', 'scripts']) t.notHas(manifest, { [key]: Object });
    t.match(manifest.engines.node, '>=20.19');
  });

  await t.test('sluice up runs', async (t) => {
    const program = join(installed, 'dist/sluice.mjs');
    const sluice = SluiceProcess.start(t, ['up', '--gateways', '1'], { folder: ownFolder(t), env: anywhere, program });
    const banner = await sluice.printed((out) => (out.includes('Ctrl-C stops') ? out : undefined));
    const [url = ''] = /http:\S+\/hello/.exec(banner) ?? [];
    t.match(await (await fetch(url)).json(), { hello: 'from the sample target' });
    sluice.signal('SIGINT');
    t.equal(await sluice.ended(), 0);
  });

  await t.test('TypeScript knows its settings, without the packages that are inside the bundle', async (t) => {
    const compile = async (source: string) => {
      writeFileSync(join(folder, 'user.mts'), source);
      const options = [
        '--noEmit',
        '--strict',
        '--module',
        'nodenext',
        '--target',
        'es2023',
        '--types',
        'node',
        '--typeRoots',
        join(checkout, 'node_modules/@types'),
      ];
      const tsc = join(checkout, 'node_modules/typescript/bin/tsc');
      return run(process.execPath, [tsc, ...options, 'user.mts'], folder).then(
        () => '',
        (error: { stdout: string }) => error.stdout,
      );
    };
    const use = (
      listen: string,
    ) => `import { startBalancer, startGateway, SluiceError, type BalancerSettings, type ProjectFile } from 'sluice';
const config: BalancerSettings = { environments: { production: { ${listen}: '127.0.0.1:0', timeouts: { connect: '1s' } } } };
const project: ProjectFile = { name: 'shop', basePath: '/shop', targets: { default: { url: 'http://127.0.0.1:1' } } };
export async function main(): Promise<void> {
  const balancer = await startBalancer({ config });
  const { revision }: { revision: number } = await balancer.deploy('production', project);
  const gateway = await startGateway({ join: balancer.url, token: balancer.tokens.join, environment: 'production' });
  if (!gateway.ready) throw new SluiceError('unavailable', String(revision));
}
`;
    t.equal(await compile(use('listen')), '');
    t.match(await compile(use('lisen')), /user\.mts\(2,.*'lisen' does not exist/);
  });
});
