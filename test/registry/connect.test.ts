import t from 'tap';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';

t.test('a URL that is not one of a registry is refused with the known forms', async (t) => {
  for (const url of ['', 'data', 'ftp://h', 'embedded:', 'http://', 'http://user:pass@h', 'redis://']) {
    await t.rejects(openRegistry({ url, logger }), { code: 'invalid', message: /write / }, url);
  }
  await t.rejects(openRegistry({ url: 'etcd://h', logger }), { message: /"etcd:".*embedded:FOLDER.*redis:\/\/.*http/ });
  await t.rejects(openRegistry({ url: 'redis://h', prefix: 'a{b', logger }), { code: 'invalid', message: /prefix/ });
});

t.test('a registry opens while its peer cannot be reached', async (t) => {
  // Nothing listens at port 1 of the loopback interface.
  for (const url of ['redis://127.0.0.1:1', 'redis+sentinel://127.0.0.1:1/m', 'redis+cluster://127.0.0.1:1', 'http://127.0.0.1:1']) {
    const registry = await openRegistry({ url, logger });
    t.equal(registry.link.up, false, url);
    await t.rejects(registry.environments(), { code: 'unavailable' }, url);
    const watch = registry.watch(() => {});
    await registry.close();
    await watch.ready;
  }
});
