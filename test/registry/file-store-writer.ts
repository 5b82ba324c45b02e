import { openRegistry } from '../../src/registry/open-registry.ts';
import { api } from '../contract/registry-samples.ts';
import { silentLogger } from '../tools/fake-logger.ts';

// A process that changes an embedded registry as fast as it can, and prints each version that was acknowledged.
const registry = await openRegistry({ url: `embedded:${process.argv[2]}`, logger: silentLogger });
await registry.putEnvironment('production', {});
const { version: from } = await registry.snapshot('production');
for (let version = from + 1; ; version++) {
  const { revision } = await registry.pushProject(api('shop', { version: `${version}`, basePath: `/shop/${'x'.repeat(version % 500)}` }));
  const together = [
    registry.deploy('production', 'shop', { revision }),
    registry.putEnvironment(`environment-${version % 7}`, { variables: { version: `${version}` } }),
  ];
  await Promise.all(together);
  process.stdout.write(`${version}\n`);
}
