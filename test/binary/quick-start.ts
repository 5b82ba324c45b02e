import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { eventually } from '../tools/eventually.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { onFreePorts } from '../tools/sluice-under-test.ts';
import type { Binary } from './binary.ts';

const shop = 'name: shop\nbasePath: /shop\ntargets:\n  default:\n    url: ${variables.backend}\n';

/** Performs the README's "Five minutes" with nothing except the executable. */
export async function quickStart(t: Test, binary: Binary): Promise<void> {
  const folder = ownFolder(t);
  t.strictSame(readdirSync(folder), [], 'the folder is empty');

  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const pinned = JSON.parse(readFileSync(new URL('../../.ci/pinned-node.json', import.meta.url), 'utf8'));
  const told = await binary.run(t, ['--version'], folder);
  t.match(told, { status: 0, err: '' });
  t.match(
    told.out,
    `${version} (single executable, Node.js ${pinned['24'].version}, `,
    'it contains the pinned Node.js, not the one that built it',
  );

  const everything = binary.start(t, ['up'], folder, { ...onFreePorts, SLUICE_WORKERS: '2', SLUICE_LOG_LEVEL: 'info' });
  const banner = await everything.printed((text) => (text.includes('Ctrl-C') ? text : undefined));
  const control = /Dashboard +(\S+)/.exec(banner)?.[1] ?? '';
  const traffic = /Listener +(\S+)/.exec(banner)?.[1] ?? '';
  const env = { SLUICE_CONTROL: control };
  const run = (...args: string[]) => binary.run(t, args, folder, env);
  t.match(banner, `${binary.file} gateway --join ${control}`, 'the printed command names this executable');
  t.match(await (await fetch(`${traffic}/hello`)).json(), { hello: 'from the sample target' });
  t.strictSame(await run('ready'), { status: 0, out: 'ready\n', err: '' });

  await t.test('the dashboard is built in', async (t) => {
    const page = await fetch(control);
    t.match(page, { status: 200 });
    t.match(await page.text(), /<script type="module" src="\/?dashboard\.js"/);
    const script = await fetch(`${control}/dashboard.js`);
    t.match(script, { status: 200 });
    t.ok((await script.text()).length > 10_000);
  });

  await t.test('a third gateway server joins and takes traffic', async (t) => {
    const third = binary.start(t, ['gateway', '--join', control, '--environment', 'production', '--id', 'gateway-3'], folder);
    await third.logged((line) => line.msg === 'joined');
    await eventually(
      async () => (await fetch(`${traffic}/hello`)).headers.get('x-served-by'),
      (server) => server === 'gateway-3',
    );
    t.match((await run('status')).out, /^gateway-3 +production +ready +up /m);
    third.signal('SIGTERM');
    t.equal(await third.ended(), 0);
  });

  await t.test('a configuration is checked; a project is pushed and deployed', async (t) => {
    writeFileSync(join(folder, 'bad.yaml'), 'environments:\n  production:\n    lisen: 127.0.0.1:1\n');
    t.strictSame(await run('config', 'check', 'bad.yaml'), {
      status: 1,
      out: '',
      err: 'bad.yaml:3: environments.production.lisen: is unknown: did you mean "listen"?\nerror: bad.yaml was refused: 1 fault',
    });
    writeFileSync(join(folder, 'shop.yaml'), shop);
    t.match(await run('project', 'push', 'shop.yaml'), { status: 0, out: /^shop@1$/m });
    t.match(await run('deploy', 'shop', '--environment', 'production', '--wait'), { status: 0, out: /active on 2 of 2/ });
    t.match(await (await fetch(`${traffic}/shop/cart`)).json(), { path: '/cart' });
  });

  await t.test('a worker that dies is replaced', async (t) => {
    const isReady = (line: { msg?: string }) => line.msg === 'worker ready';
    const { pid } = await everything.logged(isReady);
    t.equal(readlinkSync(`/proc/${pid}/exe`), binary.file, 'a worker is the same executable');
    process.kill(Number(pid), 'SIGKILL');
    await everything.logged((line) => isReady(line) && everything.log.filter(isReady).length === 3);
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(`${traffic}/hello`)));
    t.strictSame(
      answers.filter((answer) => !answer.ok).map(({ status }) => status),
      [],
    );
  });

  everything.signal('SIGTERM');
  t.equal(await everything.ended(), 0);
  t.strictSame(
    everything.log.filter((line) => line['level'] === undefined),
    [],
    'Node.js itself prints nothing',
  );
}
