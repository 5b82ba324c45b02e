import type { Test } from 'tap';
import {
  type CallerPart,
  callerNode,
  consumerBucket,
  isBucket,
  productList,
  productsName,
  rootName,
  textHash,
} from '../../src/model/caller-tree.ts';
import { consumerTag } from '../../src/model/consumer.ts';
import type { Consumers, Registry } from '../../src/registry/contract.ts';
import type { Open } from './registry.ts';
import { api, listen } from './registry-samples.ts';

const digest = (key: string) => textHash(key);

/** Consumers, products and subscriptions, and the tree by which gateway servers read them. */
export function callers(t: Test, open: Open): void {
  t.test('consumers have keys, of which no two are the same', async (t) => {
    const { behind, other: reader, registry } = await open(t);
    const rules = rulesOf(behind ?? registry);
    t.same(await reader.callers.id().then(({ hash }) => hash), undefined);
    t.match(await rules.putConsumer('anna', {}), { created: true, consumer: { name: 'anna', keys: [], passwords: [], products: [] } });
    t.match(await rules.putConsumer('anna', {}), { created: false });
    await rules.addKey('anna', { id: 'one', sha256: digest('1'), expires: 5_000_000_000_000 });
    await rules.addKey('anna', { id: 'two', sha256: digest('2') });
    await rules.putConsumer('ben', { keys: [{ id: 'one', sha256: digest('3') }] });
    await t.rejects(rules.addKey('ben', { id: 'x', sha256: digest('1') }), { code: 'conflict', message: /consumer "anna"/ });
    await t.rejects(rules.addKey('anna', { id: 'two', sha256: digest('4') }), { code: 'conflict', message: /id "two"/ });
    await t.rejects(rules.addKey('anna', { id: 'three', sha256: digest('2') }), { code: 'conflict', message: /"two" and "three"/ });
    await t.rejects(rules.addKey('carl', { id: 'x', sha256: digest('5') }), { code: 'not-found' });
    await t.rejects(rules.putConsumer('dora', { keys: [{ id: 'one' }] }), { code: 'invalid', message: /needs sha256/ });
    await t.rejects(rules.putConsumer('no/name', {}), { code: 'invalid' });
    t.match(
      await rules.putConsumer('anna', { products: [] }),
      { consumer: { keys: [{ id: 'one' }, { id: 'two' }] } },
      'a list that is left out stays',
    );
    t.match(await rules.putConsumer('anna', { keys: [{ id: 'two' }] }), { consumer: { keys: [{ id: 'two', sha256: digest('2') }] } });
    t.match(await rules.addKey('ben', { id: 'x', sha256: digest('1') }), { keys: { length: 2 } }, 'a key that was dropped is free');
    await t.rejects(rules.removeKey('anna', 'one'), { code: 'not-found', message: /no key "one"/ });
    await rules.removeKey('anna', 'two');
    t.same(
      (await rules.consumers()).map(({ name, keys }) => [name, keys.length]),
      [
        ['anna', 0],
        ['ben', 2],
      ],
    );
    await rules.deleteConsumer('ben');
    await t.rejects(rules.deleteConsumer('ben'), { code: 'not-found' });
    await rules.addKey('anna', { id: 'x', sha256: digest('3') });
    t.equal(await rules.consumer('ben'), undefined);
  });

  t.test('every gateway server of an environment, and none of another, hears which stored responses to remove', async (t) => {
    const { behind, registry, other } = await open(t);
    const { caches } = behind ?? registry;
    for (const name of ['one', 'two']) await (behind ?? registry).putEnvironment(name, {});
    const heard = await listen(t, other, 'a');
    await caches?.purge('one', { project: 'shop', tag: 'fish' });
    await caches?.purge('two', {});
    await heard.until((news) => news.kind === 'purge' && news.name === 'two');
    t.same(
      heard.all.filter(({ kind }) => kind === 'purge'),
      [
        { kind: 'purge', name: 'one', project: 'shop', tag: 'fish' },
        { kind: 'purge', name: 'two' },
      ],
    );
    await t.rejects(async () => caches?.purge('three', {}), { code: 'not-found' });
  });

  t.test('a change of a consumer or product can depend on what it was', async (t) => {
    const { behind, registry } = await open(t);
    const rules = rulesOf(behind ?? registry);
    const { consumer } = await rules.putConsumer('anna', {});
    await t.rejects(rules.putConsumer('anna', {}, { create: true }), { code: 'version-mismatch' });
    await rules.addKey('anna', { id: 'one', sha256: digest('1') });
    const expect = [consumerTag(consumer)];
    await t.rejects(rules.putConsumer('anna', { keys: [] }, { expect }), { code: 'version-mismatch' });
    await t.rejects(rules.deleteConsumer('anna', { expect }), { code: 'version-mismatch' });
    await rules.putProduct('gold', { projects: ['shop'] }, { create: true });
    await t.rejects(rules.putProduct('gold', { projects: ['pay'] }, { create: true }), { code: 'version-mismatch' });
    await t.rejects(rules.putProduct('gold', { projects: ['pay'] }, { expect: ['x'] }), { code: 'version-mismatch' });
    await t.rejects(rules.deleteProduct('gold', { expect: ['x'] }), { code: 'version-mismatch' });
    t.match(await rules.product('gold'), { projects: ['shop'] });
  });

  t.test('a product has subscriptions, and is not deleted under them', async (t) => {
    const { behind, registry } = await open(t);
    const rules = rulesOf(behind ?? registry);
    await t.rejects(rules.putProduct('gold', { projects: [] }), { code: 'invalid' });
    await t.rejects(rules.putProduct('gold', { projects: ['shop'], limit: 'many' }), { code: 'invalid', message: /100\/s/ });
    t.match(await rules.putProduct('gold', { projects: ['shop', 'pay', 'shop'], limit: '100/s', quota: '10000/day' }), {
      created: true,
      product: { name: 'gold', projects: ['pay', 'shop'], limit: '100/s', quota: '10000/day' },
    });
    await rules.putConsumer('anna', {});
    await t.rejects(rules.subscribe('silver', 'anna'), { code: 'not-found', message: /known: gold/ });
    await t.rejects(rules.subscribe('gold', 'ben'), { code: 'not-found', message: /no consumer "ben"/ });
    t.same(await rules.subscribe('gold', 'anna'), { created: true });
    t.same(await rules.subscribe('gold', 'anna'), { created: false });
    await t.rejects(rules.deleteProduct('gold'), { code: 'in-use', message: /consumer "anna"/ });
    await rules.unsubscribe('gold', 'anna');
    await t.rejects(rules.unsubscribe('gold', 'anna'), { code: 'not-found' });
    await rules.putConsumer('anna', { products: ['gold'] });
    await t.rejects(rules.putConsumer('anna', { products: ['silver'] }), { code: 'not-found' });
    // Asked for together: the deletion finds the subscription that is made before it.
    await Promise.all([rules.putConsumer('ben', { products: ['gold'] }), rules.deleteProduct('gold', { force: true })]);
    t.same(
      (await rules.consumers()).map(({ products }) => products),
      [[], []],
    );
    t.same(await rules.products(), []);
  });

  t.test('servers get the consumers that can call projects of their environment, and no others', async (t) => {
    const { behind, registry } = await open(t);
    const truth = behind ?? registry;
    const rules = rulesOf(truth);
    for (const name of ['one', 'two', 'three']) await truth.putEnvironment(name, {});
    t.same((await registry.callers.id('one')).hash, undefined, 'nothing was ever made');
    const keyed = { policies: { proxyRequest: [{ apiKey: { consumers: true } }] } };
    for (const [project, more] of Object.entries({ shop: keyed, pay: keyed, open: keyed, plain: {} }))
      await truth.pushProject(api(project, more));
    await rules.putProduct('gold', { projects: ['shop', 'pay'] });
    await rules.putProduct('silver', { projects: ['pay'] });
    for (const [name, products] of Object.entries({ anna: ['gold'], ben: ['silver'], carl: ['gold', 'silver'], dora: [] }))
      await rules.putConsumer(name, { keys: [{ id: 'k', sha256: digest(name) }], products });
    const nothing = { consumers: {}, products: {} };
    t.same(await needed(t, registry, 'one'), nothing, 'nothing is deployed');
    t.same(await needed(t, registry, 'nowhere'), nothing, 'there is no such environment');

    await truth.deploy('one', 'shop');
    await truth.deploy('two', 'pay');
    await truth.deploy('three', 'plain');
    const ofShop = { consumers: { anna: ['gold'], carl: ['gold'], dora: [] }, products: { gold: ['shop'] } };
    t.same(await needed(t, registry, 'one'), ofShop);
    t.same(await needed(t, registry, 'two'), {
      consumers: { anna: ['gold'], ben: ['silver'], carl: ['gold', 'silver'], dora: [] },
      products: { gold: ['pay'], silver: ['pay'] },
    });
    t.same(await needed(t, registry, 'three'), nothing, 'a project without consumers');

    // A project in no product that finds consumers lets all of them pass.
    await truth.deploy('one', 'open');
    t.same((await needed(t, registry, 'one')).consumers, { anna: ['gold'], ben: [], carl: ['gold'], dora: [] });
    const { hash } = await registry.callers.id('one');
    t.equal((await registry.callers.id('one')).hash, hash, 'which stays');
    await truth.undeploy('one', 'open');
    t.same(await needed(t, registry, 'one'), ofShop);
    await truth.deploy('one', 'open');
    await rules.putProduct('other', { projects: ['open'] });
    t.same(await needed(t, registry, 'one'), { ...ofShop, products: { gold: ['shop'], other: ['open'] } }, 'it is in a product now');
    await rules.deleteProduct('other');
    await truth.pushProject(api('open', { version: 'next' }));
    await truth.deploy('one', 'open');
    t.ok('ben' in (await needed(t, registry, 'one')).consumers, 'servers may fall back to the revision that finds consumers');

    // What changes for others changes nothing here.
    await truth.undeploy('one', 'open');
    const before = (await registry.callers.id('one')).hash;
    await rules.putConsumer('ben', { keys: [{ id: 'k', sha256: digest('another') }] });
    await rules.putConsumer('eva', { products: ['silver'] });
    t.equal((await registry.callers.id('one')).hash, before);
    await rules.subscribe('gold', 'ben');
    await rules.deleteConsumer('anna');
    t.same((await needed(t, registry, 'one')).consumers, { ben: ['gold'], carl: ['gold'], dora: [] });
    await truth.undeploy('one', 'shop');
    t.same(await needed(t, registry, 'one'), nothing);
    t.equal((await readTree(t, registry)).consumers.size, 4, 'without an environment they are all there');
  });

  t.test('many changes at a time, by two processes, are all made, and a reader finds all of it by the hashes', async (t) => {
    const { behind, registry, other } = await open(t);
    const [one, two] = behind ? [behind, behind] : [registry, other];
    const heard = await listen(t, other, 'a');
    await rulesOf(one).putProduct('gold', { projects: ['shop'] });
    await Promise.all(
      Array.from({ length: 300 }, (_, index) =>
        rulesOf(index % 2 === 0 ? one : two).putConsumer(`c-${index}`, { keys: [{ id: 'k', sha256: digest(`${index}`) }] }),
      ),
    );
    await heard.until(({ kind }) => kind === 'callers');
    const before = await readTree(t, registry);
    t.equal(before.consumers.size, 300);
    t.ok(before.parts.has(productsName));
    await rulesOf(two).subscribe('gold', 'c-7');
    await Promise.all([rulesOf(two).putProduct('silver', { projects: ['pay'] }), rulesOf(two).subscribe('gold', 'c-8')]);
    const both = await readTree(t, registry);
    t.match(both.parts.get(productsName), /silver/);
    t.same(both.consumers.get('c-8'), ['gold'], 'products and consumers change in one step');
    await Promise.all([rulesOf(two).deleteProduct('silver'), rulesOf(two).unsubscribe('gold', 'c-8')]);
    const after = await readTree(t, registry);
    t.same(after.consumers.get('c-7'), ['gold']);
    const differing = [...after.parts].filter(([name, text]) => before.parts.get(name) !== text).map(([name]) => name);
    t.equal(differing.length, 4, `one bucket and the nodes above it: ${differing}`);
  });
}

/** Names of the consumers that servers of an environment get, each with its products, and these products with their projects. */
async function needed(t: Test, registry: Registry, environment: string) {
  const { parts, consumers } = await readTree(t, registry, environment);
  const { products } = productList.parse(JSON.parse(parts.get(productsName) ?? ''));
  return {
    consumers: Object.fromEntries([...consumers].sort()),
    products: Object.fromEntries(products.map(({ name, projects }) => [name, projects])),
  };
}

/** Reads the whole tree, or that of an environment; every part must have the hash that its parent says. */
async function readTree(t: Test, registry: Registry, environment?: string) {
  const { hash } = await registry.callers.id(environment);
  const parts = new Map<string, string>();
  const consumers = new Map<string, readonly string[]>();
  const wanted = new Map<string, string>(hash === undefined ? [] : [[rootName, hash]]);
  while (wanted.size > 0) {
    const asked = [...wanted.keys()].slice(0, 64);
    const read: readonly CallerPart[] = await registry.callers.parts(asked, environment);
    t.equal(read.length, asked.length);
    for (const { name, text } of read) {
      if (textHash(text) !== wanted.get(name)) t.fail(`${name} has another hash`);
      wanted.delete(name);
      parts.set(name, text);
      if (isBucket(name)) for (const one of consumerBucket.parse(JSON.parse(text)).consumers) consumers.set(one.name, one.products);
      else if (name !== productsName)
        for (const [child, [childHash]] of Object.entries(callerNode.parse(JSON.parse(text)).children)) wanted.set(child, childHash);
    }
  }
  return { parts, consumers };
}

function rulesOf({ consumers }: Registry): Consumers {
  if (consumers === undefined) throw new Error('the registry has no rules for consumers');
  return consumers;
}
