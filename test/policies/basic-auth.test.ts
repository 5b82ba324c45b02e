import { scryptSync } from 'node:crypto';
import t from 'tap';
import { FairQueue } from '../../src/model/fair-queue.ts';
import { noCallers } from '../../src/policies/callers.ts';
import { SharedStates } from '../../src/policies/shared-states.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { policyServices } from '../tools/policy-services.ts';
import { FakeContext, faultsOf, policyOf } from './run-policy.ts';

/** A digest that costs little, since these tests check many. */
function cheap(password: string, salt = 'salt-salt-salt-s'): string {
  const unpadded = (octets: Buffer) => octets.toString('base64').replace(/=+$/, '');
  return `$scrypt$ln=4,r=8,p=1$${unpadded(Buffer.from(salt))}$${unpadded(scryptSync(password.normalize('NFC'), salt, 32, { N: 16, r: 8, p: 1 }))}`;
}

const basic = (pair: string, encoding: BufferEncoding = 'utf8') => `Basic ${Buffer.from(pair, encoding).toString('base64')}`;
const users = { anna: cheap('correct horse'), 'jörg 2': cheap('p:ä') };

async function ask(authorization: string | undefined, settings: object = { users }, services = policyServices()) {
  const context = new FakeContext({ headers: authorization === undefined ? {} : { authorization } });
  const answer = await policyOf({ basicAuth: settings }, 'proxyRequest', services).run(context);
  return { answer, context, code: answer && `${answer.status} ${JSON.parse(answer.body.toString()).code}` };
}

t.test('lets users with their passwords pass, names them, and hides the password from the target', async (t) => {
  for (const [pair, user] of [
    ['anna:correct horse', 'anna'],
    ['jörg 2:p:ä', 'jörg 2'],
    ['jo\u0308rg 2:p:a\u0308', 'jörg 2'],
  ] as const) {
    const { answer, context } = await ask(basic(pair));
    t.equal(answer, undefined, pair);
    t.same(context.caller, { consumer: user });
    t.equal(context.request.headers.get('authorization'), undefined);
  }
  t.equal((await ask(basic('jörg 2:p:ä', 'latin1'))).answer, undefined, 'a client that writes Latin-1');
  t.equal((await ask(basic('anna:correct horse').replace('Basic', 'bASIC  '))).answer, undefined, 'the scheme in another spelling');
  const { context } = await ask(basic('anna:correct horse'), { users, forward: true });
  t.equal(context.request.headers.get('authorization'), basic('anna:correct horse'));
});

t.test('refuses all else, and says nothing about the password', async (t) => {
  const wrong = '401 basic-wrong';
  for (const [authorization, expected] of [
    [undefined, '401 basic-missing'],
    ['', '401 basic-missing'],
    ['Basic', '401 basic-missing'],
    ['Bearer abc', '401 basic-missing'],
    [`${basic('anna:correct horse')}, ${basic('anna:correct horse')}`, '401 basic-missing'],
    [basic('anna:correct horse '), wrong],
    [basic('Anna:correct horse'), wrong],
    [basic('anna:'), wrong],
    [basic('anna'), wrong],
    [basic(':correct horse'), wrong],
    [basic('nobody:correct horse'), wrong],
    [basic('__proto__:correct horse'), wrong],
    [`Basic ${'='.repeat(9)}`, wrong],
    ['Basic !!!!', wrong],
    [basic(`anna:${'x'.repeat(100_000)}`), wrong],
  ] as const) {
    const { answer, code, context } = await ask(authorization);
    t.equal(code, expected, authorization?.slice(0, 80) ?? 'no field');
    t.match(answer?.headers, { 'www-authenticate': 'Basic realm="api", charset="UTF-8"', 'cache-control': 'no-store' });
    t.notMatch(answer?.body.toString(), /horse|anna/);
    t.equal(context.caller, undefined);
  }
  const twice = new FakeContext();
  for (let line = 0; line < 2; line++) twice.request.headers.add('Authorization', basic('anna:correct horse'));
  t.match(await policyOf({ basicAuth: { users } }).run(twice), { status: 401 }, 'two lines');
});

t.test('a right password is remembered for five minutes, over revisions, and no longer than its digest', async (t) => {
  const clock = new FakeClock();
  const services = policyServices({ clock });
  const answers = (given: object) => {
    const context = new FakeContext({ headers: { authorization: basic('anna:correct horse') } });
    return policyOf({ basicAuth: { users: given } }, 'proxyRequest', services).run(context);
  };
  t.ok(answers(users) instanceof Promise, 'the first check waits for scrypt');
  await answers(users);
  t.equal(answers(users), undefined, 'the next one, in another revision, does not');
  t.match(await answers({ anna: cheap('changed') }), { status: 401 });
  await clock.pass(300_000);
  const late = answers(users);
  t.ok(late instanceof Promise, 'five minutes later it is checked again');
  t.equal(await late, undefined);
});

t.test('consumers have passwords too, several while they change', async (t) => {
  const clock = new FakeClock();
  const passwords = [
    { scrypt: cheap('old'), expires: clock.date() + 1000 },
    { scrypt: cheap('new', 'another salt 123'), expires: 0 },
  ];
  const consumer = { consumer: 'app', products: [], passwords };
  const state = { known: false, byName: (name: string) => (name === 'app' && state.known ? consumer : undefined) };
  const services = policyServices({
    clock,
    callers: {
      ...noCallers,
      byName: (name) => state.byName(name),
      get known() {
        return state.known;
      },
    },
  });
  const settings = { consumers: true, users: { anna: users.anna } };
  t.equal((await ask(basic('app:new'), settings, services)).code, '503 consumers-unknown', 'before they were read');
  state.known = true;
  for (const password of ['old', 'new']) {
    const { code, context } = await ask(basic(`app:${password}`), settings, services);
    t.equal(code, undefined, password);
    t.equal(context.caller, consumer);
  }
  t.equal((await ask(basic('anna:correct horse'), settings, services)).code, undefined);
  t.equal((await ask(basic('app:new'), { users }, services)).code, '401 basic-wrong', 'not where consumers are not asked for');
  await clock.pass(1000);
  t.equal((await ask(basic('app:old'), settings, services)).code, '401 basic-wrong', 'expired');
  t.equal((await ask(basic('app:new'), settings, services)).code, undefined);
  consumer.passwords.length = 0;
  t.equal((await ask(basic('app:new'), settings, services)).code, '401 basic-wrong', 'revoked');
  t.equal((await ask(basic('stranger:new'), { consumers: true }, services)).code, '401 basic-wrong');
});

t.test('guesses of one client do not starve others', async (t) => {
  const queue = new FairQueue({ running: 1, waiting: 4, waitingPerKey: 3 });
  const order: string[] = [];
  const done: (() => void)[] = [];
  const run = (key: string) =>
    queue.run(key, () => {
      order.push(key);
      return new Promise<string>((resolve) => done.push(() => resolve(key)));
    });
  const guesses = Array.from({ length: 5 }, () => run('guesser'));
  t.equal(await guesses[4], undefined, 'a client with three waiting ones is refused a fourth');
  const others = [run('one'), run('two')];
  t.equal(await guesses[3], undefined, 'the last of the guesser gives way to another client');
  while (done.length > 0) {
    done.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.same(order, ['guesser', 'guesser', 'one', 'two', 'guesser']);
  t.same(await Promise.all(others), ['one', 'two']);
  t.equal(await queue.run('later', async () => 'ran'), 'ran', 'the queue is empty again');
});

t.test('a state is forgotten a minute after its last policy has ended', async (t) => {
  const clock = new FakeClock();
  const states = new SharedStates(clock);
  let closed = 0;
  const make = () => ({ close: () => closed++ });
  const first = states.hold('keys', make);
  t.equal(states.hold('keys', make), first);
  states.release('keys');
  states.release('keys');
  await clock.pass(59_999);
  t.equal(states.hold('keys', make), first, 'the next revision finds it');
  await clock.pass(120_000);
  t.equal(closed, 0);
  states.release('keys');
  await clock.pass(60_000);
  t.equal(closed, 1);
  t.not(states.hold('keys', make), first);
});

t.test('faulty settings are refused, and a fault shows no digest', async (t) => {
  const faults = (settings: unknown) => faultsOf({ basicAuth: settings }).join();
  t.match(faults({}), /basicAuth\.users: needs users, or consumers: true/);
  t.match(faults({ users: {} }), /needs at least one user/);
  t.match(faults({ users: { anna: 'secret-password' } }), /users\.anna: must be a scrypt digest/);
  t.notMatch(faults({ users: { anna: 'secret-password' } }), /secret-password/);
  t.match(faults({ users: { 'an:na': users.anna } }), /without colon/);
  t.match(faults({ users: { anna: users.anna }, realm: 'a"b' }), /realm: must be/);
  t.match(faults({ users: { anna: users.anna }, realms: 'a' }), /did you mean "realm"/);
  t.match(faultsOf({ basicAuth: { users: { anna: users.anna } } }, 'targetRequest').join(), /only at: proxyRequest/);
});
