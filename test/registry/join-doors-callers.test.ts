import t from 'tap';
import { bucketOf, textHash } from '../../src/model/caller-tree.ts';
import { api, deployed } from '../contract/registry-samples.ts';
import { JoinPeer } from '../tools/join-peer.ts';
import { doors } from './doors.ts';

t.test('a session with a join token reads the consumers and products of its environment, whatever it asks for', async (t) => {
  const { url, behind } = await doors(t);
  for (const [environment, project] of Object.entries({ production: 'shop', staging: 'hidden' }))
    await deployed(behind, environment, project);
  await behind.pushProject(api('shop'));
  const rules = behind.consumers;
  await rules?.putProduct('gold', { projects: ['shop'] });
  await rules?.putProduct('silver', { projects: ['hidden'] });
  await rules?.putConsumer('anna', { products: ['gold'] });
  await rules?.putConsumer('client-of-hidden', { products: ['silver'] });
  for (const token of ['join-secret', 'production-secret']) {
    const peer = await JoinPeer.connect(t, url, token);
    const forbidden = async () => {
      for (const [method, params] of [
        ['callersId', {}],
        ['callerParts', { wanted: ['root'], environment: 'production' }],
      ] as const)
        t.match(await peer.call(method, params), { error: { code: 'forbidden' } }, method);
    };
    await forbidden();
    const id = `mine-${token}`;
    await peer.join(id, { environment: 'production' });
    const parts = async (...wanted: string[]): Promise<{ name: string; text: string }[]> =>
      (await peer.call('callerParts', { wanted, environment: 'staging' })).result;
    t.match(await parts(bucketOf('anna')), [{ text: /"anna"/ }], 'before it has asked for the hash');
    const { result: callers } = await peer.call('callersId', { environment: 'staging' });
    t.same(
      (await parts('root')).map(({ text }) => textHash(text)),
      [callers.hash],
    );
    t.match(await parts(bucketOf('anna'), 'products'), [{ text: /"anna"/ }, { text: /^\{"products":\[\{"name":"gold",[^{]*\]\}$/ }]);
    t.same(await parts(bucketOf('client-of-hidden')), []);
    if (token === 'production-secret') {
      await t.rejects(behind.assign(id, 'staging'));
      t.notMatch(peer.received, /client-of-hidden|silver/);
      continue;
    }
    await behind.assign(id, 'staging');
    await peer.call('renew', { id, instance: `${id}-1`, projects: [], drained: true });
    t.match(await parts(bucketOf('client-of-hidden')), [{ text: /client-of-hidden/ }], 'once it is in the other environment');
  }
});
