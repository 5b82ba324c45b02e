import type { Test } from 'tap';
import { contentHash } from '../../src/model/content-hash.ts';
import { environmentTag } from '../../src/model/entity-tag.ts';
import { SluiceError } from '../../src/model/fault.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { snapshotHash } from '../../src/model/snapshot-hash.ts';
import type { Open } from './registry.ts';
import { after, api, deployed, mustHash, request } from './registry-samples.ts';

/** Operators' changes to environments. */
export function environments(t: Test, open: Open): void {
  t.test('environments are created, replaced, listed and deleted', async (t) => {
    const { registry, other } = await open(t);
    t.same(await registry.environments(), []);
    t.equal(await registry.environment('production'), undefined);

    const input = { listen: '127.0.0.1:8081', timeouts: { connect: '250ms' }, variables: { a: '1' } };
    const made = await registry.putEnvironment('production', input);
    t.equal(made.spec.timeouts.connect, 250);
    t.equal(made.spec.retries.attempts, 3, 'defaults are filled in');
    t.same(await other.environment('production'), made);
    t.same(made.input, input, 'as written');

    await registry.putEnvironment('development', {});
    t.same(
      (await other.environments()).map(({ name }) => name),
      ['development', 'production'],
    );
    await registry.putEnvironment('development', { listen: '127.0.0.1:1234' });
    t.equal((await other.environment('development'))?.spec.listen, '127.0.0.1:1234');

    await other.deleteEnvironment('development');
    t.equal(await registry.environment('development'), undefined);
    await t.rejects(registry.deleteEnvironment('development'), { code: 'not-found', message: /production/ });
  });

  t.test('a configuration file changes only what changed in it since it was last applied', async (t) => {
    const { registry, other } = await open(t);
    const input = async () => (await other.environment('production'))?.input;
    t.match(await registry.applyEnvironment('production', { slowStart: '1s', variables: { a: '1' } }), { outcome: 'created' });
    t.same(await input(), { slowStart: '1s', variables: { a: '1' } });
    t.same(await other.appliedSettings(), new Map([['production', { slowStart: '1s', variables: { a: '1' } }]]));
    await other.putEnvironment('production', { slowStart: '2s', variables: { a: '1' }, balance: 'hash' });
    t.same(await registry.applyEnvironment('production', { slowStart: '1s', variables: { a: '1' } }), {
      outcome: 'unchanged',
      replaced: [],
      kept: ['slowStart'],
    });
    const before = await registry.snapshot('production');
    t.match(await registry.applyEnvironment('production', { slowStart: '3s', variables: { a: '2' } }), {
      outcome: 'changed',
      replaced: ['slowStart'],
    });
    t.same(await input(), { slowStart: '3s', variables: { a: '2' }, balance: 'hash' });
    t.equal((await registry.snapshot('production')).version, before.version + 1, 'changed variables make a new snapshot');
    await other.deleteEnvironment('production');
    t.match(await registry.applyEnvironment('production', { slowStart: '3s', variables: { a: '2' } }), { outcome: 'deleted' });
    t.equal(await input(), undefined);
    await registry.forgetApplied('production');
    t.match(await registry.applyEnvironment('production', { slowStart: '3s' }), { outcome: 'created' });
    t.same(await input(), { slowStart: '3s' });
    await t.rejects(registry.applyEnvironment('production', { slowStart: 'soon' }), { code: 'invalid' });
  });

  t.test('defaults that an operator sends back with a section are no changes of the operator', async (t) => {
    const { registry } = await open(t);
    const file = { hosts: ['a.example'], tls: { acme: { email: 'ops@example.com' } } };
    const sentBack = { ...file, tls: { ...file.tls, certificates: [], minVersion: '1.2' as const, hsts: '0s', publicPort: 0 } };
    await registry.applyEnvironment('production', file);
    await registry.putEnvironment('production', sentBack);
    t.same(await registry.applyEnvironment('production', file), { outcome: 'unchanged', replaced: [], kept: [] });
    const strict = { ...file, tls: { ...file.tls, minVersion: '1.3' as const } };
    t.same(await registry.applyEnvironment('production', strict), { outcome: 'changed', replaced: [], kept: [] });
    t.match(await registry.environment('production'), { spec: { tls: { minVersion: '1.3' } } });
    const { tls: _, ...plain } = file;
    t.same(await registry.applyEnvironment('production', plain), { outcome: 'changed', replaced: [], kept: [] });
    t.equal((await registry.environment('production'))?.spec.tls, undefined, 'the section goes with what the file had in it');
  });

  t.test('a change is made only if the object has one of the expected tags', async (t) => {
    const { registry, other } = await open(t);
    const stale = { expect: ['stale'] };
    const refused = { code: 'version-mismatch' };
    await t.rejects(registry.putEnvironment('production', {}, { expect: ['*'] }), refused);
    const made = await registry.putEnvironment('production', {});
    const tag = environmentTag(made, 0);
    await t.rejects(other.putEnvironment('production', { slowStart: '1s' }, stale), refused);
    await t.rejects(other.deleteEnvironment('production', { force: true, ...stale }), refused);
    await other.putEnvironment('production', { slowStart: '1s' }, { expect: ['another', tag] });
    await t.rejects(registry.deleteEnvironment('production', { expect: [tag] }), refused);
    await t.rejects(registry.pushProject(api('shop'), stale), refused);
    t.equal(await other.revision('shop'), undefined);
    await registry.join(request('one'));
    await t.rejects(registry.patchServer('one', { weight: 3 }, stale), refused);
    await t.rejects(registry.assign('one', 'production', stale), refused);
    t.match(await other.server('one'), { weight: 1 });
    t.match(await registry.patchServer('one', { weight: 3 }, { expect: ['*'] }), { weight: 3 });
  });

  t.test('a faulty environment is refused with every fault, and changes nothing', async (t) => {
    const { registry } = await open(t);
    const faulty = { listen: 'nowhere', panicThreshold: 200, colour: 'blue' } as never;
    const error = await registry.putEnvironment('production', faulty).catch((error: unknown) => error);
    t.ok(error instanceof SluiceError);
    t.match(error, { code: 'invalid' });
    t.same((error as SluiceError).faults.map(({ path }) => path).sort(), ['colour', 'listen', 'panicThreshold']);
    await t.rejects(registry.putEnvironment('../etc', {}), { code: 'invalid' });
    await t.rejects(registry.putEnvironment('__proto__', {}), { code: 'invalid' });
    t.same(await registry.environments(), []);
  });

  t.test('a static server is drained and resumed; new settings keep the drain as long as they list the server', async (t) => {
    const { registry, other } = await open(t);
    const servers = ['one', 'two'].map((id, index) => ({ id, address: `127.0.0.1:910${index}` }));
    await registry.putEnvironment('production', { servers });
    const heard: string[] = [];
    const watch = other.watch((news) => void (news.kind === 'environment' && heard.push(news.name)));
    await watch.ready;
    t.match(await registry.drainStatic('production', 'two', true), { drained: ['two'] });
    await registry.drainStatic('production', 'two', true);
    t.same((await other.environment('production'))?.drained, ['two']);
    await registry.putEnvironment('production', { servers, panicThreshold: 10 });
    await registry.pushProject(api('pets'));
    await registry.deploy('production', 'pets');
    t.same((await other.environments())[0]?.drained, ['two'], 'neither settings nor deployments end it');
    t.notOk((await registry.drainStatic('production', 'two', false)).drained);
    t.notOk((await other.environment('production'))?.drained);
    await registry.drainStatic('production', 'two', true);
    await registry.putEnvironment('production', { servers: servers.slice(0, 1) });
    await registry.putEnvironment('production', { servers });
    t.notOk((await other.environment('production'))?.drained, 'a server that was listed anew takes requests');
    await t.rejects(registry.drainStatic('production', 'three', true), { code: 'not-found', message: /one/ });
    await t.rejects(registry.drainStatic('nowhere', 'one', true), { code: 'not-found' });
    t.ok(heard.length >= 3, `${heard}`);
    watch.close();
  });

  t.test('changed variables make a new snapshot version, other changes do not', async (t) => {
    const { registry } = await open(t);
    await registry.putEnvironment('production', { variables: { a: '1' } });
    const first = await registry.snapshot('production');
    t.match(first, { version: 0, environment: 'production', variables: { a: '1' }, projects: [] });
    t.equal(first.hash, snapshotHash({ variables: { a: '1' } }, []));
    await registry.putEnvironment('production', { variables: { a: '1' }, panicThreshold: 10 });
    t.same(await registry.snapshot('production'), first);
    await registry.putEnvironment('production', { variables: { a: '2' }, panicThreshold: 10 });
    const second = await registry.snapshot('production');
    t.match(second, { version: 1, epoch: first.epoch, variables: { a: '2' } });
    t.not(second.hash, first.hash);
    await t.rejects(registry.snapshot('nowhere'), { code: 'not-found', message: /production/ });
  });

  t.test('an environment with servers or deployments is deleted only by force; its servers become available', async (t) => {
    const { registry } = await open(t);
    await deployed(registry, 'production', 'shop');
    await registry.putEnvironment('development', {});
    await registry.join(request('one', { environment: 'production' }));
    await registry.join(request('moving', { environment: 'development' }));
    await registry.assign('moving', 'production');
    await t.rejects(registry.deleteEnvironment('production'), { code: 'not-empty', message: /2 server.*1 deployment/ });
    t.ok(await registry.environment('production'));

    await registry.deleteEnvironment('production', { force: true });
    t.equal(await registry.environment('production'), undefined);
    const one = await registry.server('one');
    t.equal(one?.environment, undefined);
    t.match(await registry.server('moving'), { environment: 'development', movingTo: null });
    const { server, snapshot } = await registry.renew({ id: 'one', instance: 'one-1', projects: [] });
    t.equal(server.environment, undefined);
    t.equal(snapshot, undefined);
  });
}

const policies = { proxyRequest: [], targetRequest: [], targetResponse: [], proxyResponse: [] };
const resource = { target: 'default', childPaths: false, policies };

/** Operators' changes to projects. */
export function projects(t: Test, open: Open): void {
  t.test('new content makes a revision, the same content does not', async (t) => {
    const { registry, other } = await open(t);
    t.same(await registry.projects(), []);
    t.equal(await registry.revision('shop'), undefined);
    t.same(await registry.pushProject(api('shop', { version: 'a' })), { name: 'shop', revision: 1, created: true });
    t.same(await other.pushProject(api('shop', { version: 'a' })), { name: 'shop', revision: 1, created: false });
    t.same(await other.pushProject(api('shop', { version: 'b' })), { name: 'shop', revision: 2, created: true });
    t.same(
      await registry.pushProject(api('shop', { version: 'a' })),
      { name: 'shop', revision: 3, created: true },
      'it is compared with the newest revision only',
    );

    t.match(await registry.revision('shop'), { name: 'shop', revision: 3, project: { version: 'a' } });
    const second = await registry.revision('shop', 2);
    t.same(second?.project, api('shop', { version: 'b' }));
    t.equal(second?.hash, contentHash(api('shop', { version: 'b' })));
    t.equal(await registry.revision('shop', 4), undefined);
    const [summary] = await registry.projects();
    t.match(summary, { name: 'shop', latest: 3 });
    t.same(
      summary?.revisions.map(({ revision, version }) => [revision, version]),
      [
        [1, 'a'],
        [2, 'b'],
        [3, 'a'],
      ],
    );
    await t.rejects(registry.pushProject({ name: 'shop' } as never), { code: 'invalid' });
    const twice = [...api('shop').resources, ...['/{a}', '/{b}'].map((path) => ({ ...resource, path }))];
    await t.rejects(registry.pushProject({ ...api('shop'), resources: twice }), {
      code: 'invalid',
      faults: [{ path: 'resources.1.path' }],
    });
  });

  t.test('texts are returned unchanged, whatever their characters', async (t) => {
    const { registry } = await open(t);
    const version = 'ü|"\\\n\u0000\u2028 💧 \ud800 {a}:[1]';
    await registry.pushProject(api('shop', { version }));
    t.equal((await registry.revision('shop'))?.project.version, version);
  });
}

/** Operators' changes to deployments. */
export function deployments(t: Test, open: Open): void {
  t.test('each deploy raises the version by one; the hash is that of the content', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', { variables: { host: 'x' } });
    await registry.pushProject(api('shop', { version: '1' }));
    await registry.pushProject(api('shop', { version: '2' }));
    await registry.pushProject(api('account'));

    const first = await after(registry, registry.deploy('production', 'shop', { revision: 1 }));
    t.match(first, { version: 1, environment: 'production', variables: { host: 'x' } });
    t.same(first.projects, [{ name: 'shop', revision: 1, project: api('shop', { version: '1' }) }]);
    t.ok(first.epoch);
    mustHash(t, first);
    t.same(await other.snapshot('production'), first);
    t.same(await after(other, other.deploy('production', 'shop', { revision: 1 })), first, 'the same deploy again changes nothing');

    const second = await after(other, other.deploy('production', 'account'));
    t.same(
      second.projects.map(({ name }) => name),
      ['account', 'shop'],
      'by name',
    );
    const third = await after(registry, registry.deploy('production', 'shop'));
    t.match(third, { version: 3, epoch: first.epoch });
    t.equal(third.projects[1]?.revision, 2, 'the newest revision, unless one is given');
    mustHash(t, third);

    const fourth = await after(registry, registry.undeploy('production', 'account'));
    t.match(fourth, { version: 4 });
    t.same(
      fourth.projects.map(({ name }) => name),
      ['shop'],
    );
    t.same(await other.snapshot('production'), fourth);
  });

  t.test('an unknown environment, project or revision is refused with the known ones', async (t) => {
    const { registry } = await open(t);
    await deployed(registry, 'production', 'shop');
    await t.rejects(registry.deploy('nowhere', 'shop'), { code: 'not-found', message: /environment "nowhere".*production/ });
    await t.rejects(registry.deploy('production', 'nothing'), { code: 'not-found', message: /project "nothing".*shop/ });
    await t.rejects(registry.deploy('production', 'shop', { revision: 7 }), { code: 'not-found', message: /revision 7.*1/ });
    await t.rejects(registry.undeploy('production', 'nothing'), { code: 'not-found', message: /shop/ });
    await t.rejects(registry.undeploy('nowhere', 'shop'), { code: 'not-found' });
    await t.rejects(registry.rollback('production', 'nothing'), { code: 'not-found' });
    t.equal((await registry.snapshot('production')).version, 1);
  });

  t.test('a deployment remembers the last revision that servers accepted', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', {});
    for (const version of ['1', '2', '3']) await registry.pushProject(api('shop', { version }));
    const fallbackOf = ({ projects: [shop] }: Snapshot) => shop?.fallback?.revision;
    const report = async (running: Snapshot, revision: number, state: 'active' | 'rejected') => {
      const { epoch, version, hash } = running;
      await other.renew({ id: 'one', instance: 'one-1', running: { epoch, version, hash }, projects: [{ name: 'shop', revision, state }] });
    };
    const first = await after(registry, registry.deploy('production', 'shop', { revision: 1 }));
    t.equal(fallbackOf(first), undefined);
    await other.join(request('one', { environment: 'production' }));
    await report(first, 1, 'active');
    const second = await after(registry, registry.deploy('production', 'shop', { revision: 2 }));
    t.same(second.projects[0]?.fallback, { revision: 1, project: api('shop', { version: '1' }) });
    mustHash(t, second);
    t.same(await other.snapshot('production'), second);
    await report(second, 1, 'rejected');
    const third = await after(registry, registry.deploy('production', 'shop', { revision: 3 }));
    t.equal(fallbackOf(third), 1, 'a rejected revision does not replace one that ran');
    t.equal(
      fallbackOf(await after(registry, registry.deploy('production', 'shop', { revision: 2 }))),
      1,
      'nor does one that no server ran yet',
    );
    await report(await after(registry, registry.deploy('production', 'shop', { revision: 3 })), 3, 'active');
    t.equal(fallbackOf(await after(registry, registry.deploy('production', 'shop', { revision: 1 }))), 3);
    t.equal(fallbackOf(await after(registry, registry.rollback('production', 'shop'))), undefined, 'a revision is not its own fallback');
    t.equal((await registry.snapshot('production')).projects[0]?.revision, 3);
  });

  t.test('a first revision that was rejected is never a fallback', async (t) => {
    const { registry } = await open(t);
    const { epoch, version, hash } = await deployed(registry, 'production', 'shop');
    await registry.join(request('one', { environment: 'production' }));
    const projects = [{ name: 'shop', revision: 0, state: 'rejected' } as const];
    await registry.renew({ id: 'one', instance: 'one-1', running: { epoch, version, hash }, projects });
    await registry.pushProject(api('shop', { version: '2' }));
    t.equal((await registry.deploy('production', 'shop')).deployment?.fallback, undefined);
  });

  t.test('what an environment could not serve is not deployed there', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', { variables: { host: 'x' } });
    await registry.putEnvironment('development', { variables: { host: 'x', stage: 'y' } });
    const shop = api('shop');
    await registry.pushProject({ ...shop, targets: { default: { url: 'http://${variables.host}' } } });
    await registry.pushProject({ ...shop, targets: { default: { url: 'http://${variables.host}/${variables.stage}' } } });
    const before = await after(registry, registry.deploy('production', 'shop', { revision: 1 }));
    await t.rejects(other.deploy('production', 'shop'), {
      code: 'invalid',
      message: /revision 2 of project "shop" .*"production".*no variable "stage"/,
      faults: [{ path: 'targets.default.url', message: /no variable "stage"/ }],
    });
    t.same(await registry.snapshot('production'), before);
    await other.deploy('development', 'shop', { revision: 2 });
    await other.deploy('development', 'shop', { revision: 1 });
    await other.putEnvironment('development', { variables: { host: 'x' } });
    await t.rejects(other.rollback('development', 'shop'), { code: 'invalid', message: /no variable "stage"/ });
  });

  t.test('an environment does not lose a variable that a deployed project needs', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', { variables: { host: 'x', spare: 'y' } });
    await registry.pushProject({ ...api('shop'), targets: { default: { url: 'http://${variables.host}' } } });
    const { version } = await registry.deploy('production', 'shop');
    for (const variables of [{}, { spare: 'y' }, { host: 'not a host' }]) {
      await t.rejects(other.putEnvironment('production', { variables }), {
        code: 'invalid',
        message: /environment "production".*project shop@1/,
        faults: [{ path: 'variables', message: /shop@1.*targets\.default\.url/ }],
      });
    }
    t.equal((await registry.snapshot('production')).version, version);
    await other.putEnvironment('production', { balance: 'hash', variables: { host: 'z' } });
    await registry.undeploy('production', 'shop');
    await other.putEnvironment('production', {});
  });

  t.test('two projects may not have the same base path in one environment', async (t) => {
    const { registry } = await open(t);
    await deployed(registry, 'production', 'shop');
    await registry.putEnvironment('development', {});
    for (const basePath of ['/shop', '/shop/', '/sho%70', '/%73hop']) {
      await registry.pushProject(api('rival', { basePath }));
      await t.rejects(registry.deploy('production', 'rival'), { code: 'base-path-taken', message: /"shop"/ }, basePath);
    }
    await registry.deploy('development', 'rival');
    await registry.pushProject(api('rival', { basePath: '/shop/inner' }));
    await registry.deploy('production', 'rival');
    await registry.pushProject(api('shop', { basePath: '/moved' }));
    await registry.deploy('production', 'shop');
    await registry.pushProject(api('rival', { basePath: '/shop' }));
    await registry.deploy('production', 'rival');
    await t.rejects(registry.rollback('production', 'shop'), { code: 'base-path-taken', message: /"rival"/ });
  });

  t.test('each rollback goes one deployed revision back', async (t) => {
    const { registry } = await open(t);
    await registry.putEnvironment('production', {});
    for (const version of ['1', '2', '3', '4']) await registry.pushProject(api('shop', { version }));
    for (const revision of [2, 4, 1, 3]) await registry.deploy('production', 'shop', { revision });
    const back: number[] = [];
    for (let step = 0; step < 3; step++) back.push((await registry.rollback('production', 'shop')).deployment?.revision ?? 0);
    t.same(back, [1, 4, 2]);
    await t.rejects(registry.rollback('production', 'shop'), { code: 'not-found', message: /nothing to roll back to/ });
    t.equal((await registry.snapshot('production')).version, 7);
  });

  t.test('a change that expects a version other than the current one is refused', async (t) => {
    const { registry } = await open(t);
    await deployed(registry, 'production', 'shop');
    await registry.pushProject(api('shop', { version: '2' }));
    await t.rejects(registry.deploy('production', 'shop', { expect: 0 }), { code: 'version-mismatch', message: /version 1, not 0/ });
    await t.rejects(registry.undeploy('production', 'shop', { expect: 2 }), { code: 'version-mismatch' });
    t.equal((await registry.deploy('production', 'shop', { expect: 1 })).version, 2);
    await t.rejects(registry.rollback('production', 'shop', { expect: 1 }), { code: 'version-mismatch' });
    t.equal((await registry.rollback('production', 'shop', { expect: 2 })).version, 3);
  });
}
