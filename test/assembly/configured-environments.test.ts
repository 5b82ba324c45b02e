import { test } from 'tap';
import { applyEnvironments, reloadEnvironments } from '../../src/assembly/configured-environments.ts';
import { configFrom } from '../../src/config/config.ts';
import { project } from '../../src/model/project.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { keptLogger } from '../tools/fake-logger.ts';

test('a start goes on without settings that deployed projects could not be served with; a reload is refused', async (t) => {
  const { logger, lines } = keptLogger();
  const registry = await openRegistry({ url: `embedded:${t.testdir()}`, logger });
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
