import { test } from 'tap';
import { applyEnvironments, reloadEnvironments } from '../../src/assembly/configured-environments.ts';
import { configFrom } from '../../src/config/config.ts';
import { SluiceError } from '../../src/model/fault.ts';
import { project } from '../../src/model/project.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';

test('a start goes on without settings that deployed projects could not be served with; a reload is refused', async (t) => {
  const { logger, lines } = keptLogger();
  const registry = await openRegistry({ url: `embedded:${ownFolder(t)}`, logger });
  t.teardown(() => registry.close());
  const withHost = configFrom({ environments: { production: { variables: { host: 'x' } } } });
  const without = configFrom({ environments: { production: { balance: 'hash' }, staging: { listen: '127.0.0.1:8081' } } });
  await applyEnvironments(registry, withHost, logger);
  await registry.pushProject(project.parse({ name: 'shop', basePath: '/shop', targets: { default: { url: 'http://${variables.host}' } } }));
  await registry.deploy('production', 'shop');

  await applyEnvironments(registry, without, logger);
  t.same((await registry.environment('production'))?.spec.variables, { host: 'x' });
  t.ok(await registry.environment('staging'), 'the other environments are created');
  t.match(
    lines.find((line) => line['msg'] === 'the environment keeps the settings that it has'),
    { environment: 'production', reason: /shop@1.*no variable "host"/ },
  );
  await t.rejects(reloadEnvironments(withHost, without, { registry, reserve: async () => () => {}, logger }), {
    code: 'invalid',
    message: /shop@1/,
  });
  await registry.undeploy('production', 'shop');
  await applyEnvironments(registry, without, logger);
  t.match((await registry.environment('production'))?.spec, { balance: 'hash', variables: {} });
});

test('a reload that is refused for one environment changes none, and names every refusal', async (t) => {
  const { logger } = keptLogger();
  const registry = await openRegistry({ url: `embedded:${ownFolder(t)}`, logger });
  t.teardown(() => registry.close());
  const names = ['a', 'b', 'c', 'd'];
  const withHost = (balance: string) =>
    Object.fromEntries(names.map((name, index) => [name, { listen: `127.0.0.1:${8081 + index}`, balance, variables: { host: 'x' } }]));
  const before = configFrom({ environments: withHost('hash') });
  await applyEnvironments(registry, before, logger);
  await registry.pushProject(project.parse({ name: 'shop', basePath: '/shop', targets: { default: { url: 'http://${variables.host}' } } }));
  for (const name of ['b', 'd']) await registry.deploy(name, 'shop');

  const next = withHost('random-two');
  for (const name of ['b', 'd']) next[name] = { ...next[name], variables: {} } as never;
  const released: boolean[] = [];
  const reserve = async () => (made: boolean) => void released.push(made);
  const after = configFrom({ environments: { ...next, e: { listen: '127.0.0.1:8085' } } });
  await t.rejects(reloadEnvironments(before, after, { registry, reserve, logger }), {
    code: 'invalid',
    faults: [
      { path: 'environments.b.variables', message: /shop@1/ },
      { path: 'environments.d.variables', message: /shop@1/ },
    ],
  });
  const balances = (await registry.environments()).map(({ name, spec }) => [name, spec.balance]);
  t.strictSame(
    balances,
    names.map((name) => [name, 'hash']),
    'neither those before the refused ones nor those after them',
  );
  t.strictSame(released, [false], 'the new listener is closed again');
});

test('a failure in the middle of a reload names the environment, and those that were changed before', async (t) => {
  const { logger } = keptLogger();
  const real = await openRegistry({ url: `embedded:${ownFolder(t)}`, logger });
  t.teardown(() => real.close());
  const environments = (balance: string) => ({ a: { listen: '127.0.0.1:8081', balance }, b: { listen: '127.0.0.1:8082', balance } });
  const before = configFrom({ environments: environments('hash') });
  await applyEnvironments(real, before, logger);
  const registry = new Proxy(real, {
    get(target, key) {
      const member = Reflect.get(target, key);
      if (key !== 'applyEnvironment') return typeof member === 'function' ? member.bind(target) : member;
      return async (name: string, file: object, options?: { dryRun?: boolean }) => {
        if (name === 'b' && !options?.dryRun) throw new SluiceError('conflict', 'other processes kept changing it');
        return target.applyEnvironment(name, file, options);
      };
    },
  });
  await t.rejects(
    reloadEnvironments(before, configFrom({ environments: environments('ewma') }), { registry, reserve: async () => () => {}, logger }),
    {
      code: 'conflict',
      message: 'environment "b": other processes kept changing it; already changed: a',
    },
  );
});
