import type { Test } from 'tap';
import type { Registry, SealedSecrets } from '../../src/registry/contract.ts';
import type { Open } from './registry.ts';
import { listen } from './registry-samples.ts';

/** Sealed secrets, which balancers share, and of which a registry behind a balancer shows nothing. */
export function secrets(t: Test, open: Open): void {
  t.test('secrets change by compare-and-set', async (t) => {
    const { registry, other } = await open(t);
    if (registry.secrets === undefined) return t.pass('a balancer hands out no secrets');
    const [one, two] = [secretsOf(registry), secretsOf(other)];
    t.equal(await one.get('a'), undefined);
    t.notOk(await one.put('a', 'sealed', 7), 'it does not exist');
    t.ok(await one.put('a', 'sealed', 0));
    t.notOk(await two.put('a', 'another', 0), 'it exists already');
    const first = await two.get('a');
    t.match(first, { name: 'a', sealed: 'sealed' });
    const outcomes = await Promise.all([one, two].map((store, index) => store.put('a', `change ${index}`, first?.revision ?? 0)));
    t.same(outcomes.sort(), [false, true], 'one of two changes at a time');
    t.notOk(await one.remove('a', first?.revision ?? 0), 'it has changed since');
    await one.put('b:1', 'x', 0, 'clear');
    await one.put('b:2', 'y', 0);
    t.match(await two.list('b:'), [
      { name: 'b:1', sealed: 'x', clear: 'clear' },
      { name: 'b:2', sealed: 'y' },
    ]);
    t.equal((await two.list('')).length, 3);
    t.ok(await two.remove('a', (await two.get('a'))?.revision ?? 0));
    t.equal(await one.get('a'), undefined);
  });

  t.test('news of secrets reaches those who watch everything, and no gateway server', async (t) => {
    const { registry, other } = await open(t);
    const all = await listen(t, other);
    const gateway = await listen(t, other, 'a');
    const written = await registry.secrets?.put('a', 'sealed', 0);
    await registry.putEnvironment('end', {});
    const isEnd = ({ kind }: { readonly kind: string }) => kind === 'environment';
    await gateway.until(isEnd);
    await all.until(isEnd);
    const heard = (news: readonly { readonly kind: string }[]) => news.filter((item) => !isEnd(item));
    t.same(heard(gateway.all), []);
    t.same(heard(all.all), written ? [{ kind: 'secret', name: 'a' }] : []);
  });
}

function secretsOf({ secrets }: Registry): SealedSecrets {
  if (secrets === undefined) throw new Error('the registry has no secrets');
  return secrets;
}
