import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import tls, { type TLSSocket } from 'node:tls';
import { Redis } from 'ioredis';
import { type Test, test } from 'tap';
import { WebSocket } from 'ws';
import { accountName } from '../../src/acme/acme-account.ts';
import type { EnvironmentAnswer } from '../../src/api/answers.ts';
import type { FeedMessage } from '../../src/api/feed-messages.ts';
import { acmeSpec } from '../../src/model/acme.ts';
import { SecretKeys } from '../../src/registry/secrets/secret-keys.ts';
import { Condition } from '../tools/condition.ts';
import { eventually } from '../tools/eventually.ts';
import { listening } from '../tools/listening.ts';
import { startPassage } from '../tools/passage.ts';
import { Pebble } from '../tools/pebble.ts';
import { startRedis } from '../tools/redis.ts';
import { adminToken, type BalancerUnderTest, operate, redirectAddress, startBalancer } from '../tools/sluice-under-test.ts';

const eab = { keyId: 'kid-1', hmac: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' };
/** Seconds for which Pebble's certificates are valid: a third is left after 40. */
const lifetime = 60;

/** @param ca undefined: any certificate is accepted */
async function ask(address: string, host: string, ca: string | undefined) {
  const port = Number(address.split(':')[1]);
  const trust = ca === undefined ? { rejectUnauthorized: false } : { ca };
  const asked = https.get({ host: '127.0.0.1', port, servername: host, headers: { host }, ...trust, agent: false });
  const [response] = (await once(asked, 'response')) as [http.IncomingMessage];
  const { serialNumber: serial, issuer } = (response.socket as TLSSocket).getPeerCertificate();
  response.resume();
  await once(response, 'end');
  return { status: response.statusCode, serial, issuer: issuer.CN };
}

type Certificates = NonNullable<EnvironmentAnswer['status']['certificates']>;

async function certificates(balancer: BalancerUnderTest, environment = 'production'): Promise<Certificates> {
  const { status } = (await balancer.api('GET', `/v1/environments/${environment}`)) as EnvironmentAnswer;
  return status.certificates ?? [];
}

/** Names in a signed request for an order. */
function namesIn(body: string): string[] {
  const { payload } = JSON.parse(body) as { payload: string };
  const { identifiers } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { identifiers: { value: string }[] };
  return identifiers.map(({ value }) => value);
}

async function metrics({ control }: BalancerUnderTest): Promise<string> {
  return (await fetch(`${control}/metrics`)).text();
}

/** The certificates once each of them `holds`, as a dashboard sees them: it reads only what the live feed tells it to read. */
async function followed(t: Test, balancer: BalancerUnderTest, holds: (each: Certificates[number]) => boolean): Promise<Certificates> {
  const socket = new WebSocket(`${balancer.control.replace('http', 'ws')}/v1/events`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  t.teardown(() => socket.terminate());
  let seen: Certificates = [];
  const changed = new Condition();
  socket.on('message', async (data) => {
    if ((JSON.parse(String(data)) as FeedMessage).type !== 'environment') return;
    seen = await certificates(balancer);
    changed.notify();
  });
  return changed.until(() => seen.length > 0 && seen.every(holds) && seen, {
    what: 'the live feed to tell of certificates',
    seen: () => seen,
  });
}

test('certificates by ACME', async (t) => {
  const pebble = await Pebble.start(t, {
    names: ['a.example', 'b.example', 'slow.example', 'c.example', 'd.example'],
    // A proof is good for later orders, and chains have two intermediate certificates and alternatives.
    env: { PEBBLE_AUTHZREUSE: '100', PEBBLE_CHAIN_LENGTH: '2', PEBBLE_ALTERNATE_ROOTS: '1' },
    config: {
      externalAccountBindingRequired: true,
      externalAccountMACKeys: { [eab.keyId]: eab.hmac },
      certificateValidityPeriod: lifetime,
    },
  });
  const root = await pebble.root();
  const acme = { email: 'ops@example.com', directory: pebble.directory, ca: pebble.ca, eab };
  const server = http.createServer((_request, response) => response.end('it'));
  const servers = [{ id: 'old', address: await listening(t, server) }];
  const base = { listen: '127.0.0.1:0', health: 'off', servers };

  await t.test('two balancers: one order, a renewal when the authority wants it, and the certificate while it is away', async (t) => {
    const redis = await startRedis(t);
    const renewals = pebble.wantRenewal(3_500);
    const environments = { production: { ...base, hosts: ['a.example'], tls: { acme, redirectFrom: '127.0.0.1:0' } } };
    const settings = { registry: { url: redis.url } };
    const shared = { SLUICE_SECRET_KEY: 'k'.repeat(40) };
    let release = pebble.hold();
    const one = await startBalancer(t, settings, environments, shared);
    const other = await startBalancer(t, { ...settings, workers: 1 }, environments, shared);
    const doors = await Promise.all([other, one].map(redirectAddress));
    await startPassage(t, pebble.httpPort, doors);
    const selfSigned = await ask(one.address, 'a.example', undefined);
    t.match(selfSigned, { status: 200, issuer: 'a.example' }, 'a self-signed certificate answers before the first one');
    release();
    const served = ({ address }: BalancerUnderTest) => ask(address, 'a.example', root);
    const issued = await Promise.all(
      [one, other].map((balancer) =>
        eventually(
          () => served(balancer).catch(() => undefined),
          (answer) => answer?.status === 200,
        ),
      ),
    );
    t.equal(issued[0]?.serial, issued[1]?.serial, 'both serve the same certificate');
    t.equal(pebble.orders, 1);

    await eventually(
      () => renewals.asked,
      (count) => count === 1,
    );
    release = pebble.hold();
    // Its lease ends with it, so that another balancer orders from then on.
    one.process.signal('SIGTERM');
    t.equal(await one.process.ended(), 0);
    const again = await startBalancer(t, settings, environments, shared);
    doors[1] = await redirectAddress(again);
    t.equal((await served(again)).serial, issued[0]?.serial, 'a restart serves what there is');
    t.equal(pebble.orders, 1);

    let [right, ended] = [0, false];
    const wrong: string[] = [];
    const load = Promise.all(
      [again, other].map(async (balancer) => {
        while (!ended)
          await served(balancer).then(
            ({ status }) => (status === 200 ? right++ : wrong.push(`status ${status}`)),
            (error: Error) => wrong.push(error.message),
          );
      }),
    );
    release();
    for (const balancer of [again, other])
      await eventually(
        () => served(balancer),
        ({ serial }) => serial !== issued[0]?.serial,
        { everyMs: 20 },
      );
    ended = true;
    await load;
    t.strictSame(wrong, [], `renewal under load: ${right} requests`);
    t.equal(pebble.orders, 2);
    t.match(pebble.requests.filter(({ path }) => path === '/order-plz').at(-1)?.payload, { replaces: /^[\w-]+\.[\w-]+$/ });

    await eventually(
      () => renewals.asked,
      (count) => count === 2,
    );
    pebble.front = (request) => {
      request.socket.destroy();
      return true;
    };
    const [state] = await eventually(
      () => certificates(other),
      ([first]) => first?.acme?.failure !== undefined,
    );
    t.match(state, { certificate: 'a.example', acme: { failure: { attempts: 1, reason: /cannot be reached .* may connect to it/ } } });
    t.equal((await served(other)).status, 200, 'the present one stays');
    t.match(await metrics(other), /sluice_certificate_issue_failures\{certificate="a.example"\} 1\n/);
    t.match(await metrics(other), /sluice_certificate_expiry_timestamp_seconds\{certificate="a.example"\} \d+\n/);
    const { out } = await operate(t, other, 'status');
    t.match(out, /a\.example +production +failing +\d{4}-/);
    t.match(out, /no new certificate for a\.example after attempt 1: .*cannot be reached/);
    const logged = [...again.process.log, ...other.process.log].filter(({ msg = '' }) => msg.includes('the present one stays until'));
    t.equal(logged.length, 1, 'the balancer that tried logs it');
    pebble.front = () => false;
  });

  await t.test('a name that gets no answer, and damaged documents, hold up no other name', async (t) => {
    pebble.services = {};
    // The authority answers no order of one name.
    pebble.front = (request, _response, body) => request.url === '/order-plz' && namesIn(body).includes('slow.example');
    const before = pebble.orders;
    const redis = await startRedis(t);
    const admin = new Redis(redis.url);
    t.teardown(() => admin.disconnect());
    const sealed = new SecretKeys(['another-key'.padEnd(40, 'x')], 'test').seal('[]', 'secret acme:challenges');
    await admin.hset('{sluice}:secret', {
      'acme:challenges': `1|${JSON.stringify({ sealed })}`,
      [accountName(acmeSpec.parse(acme))]: '2|{"sealed":"v1.cut"}',
      'acme:name:c.example': '3|no JSON',
    });
    const hosts = ['slow.example', 'c.example', 'd.example'];
    const environments = { production: { ...base, hosts, tls: { acme, redirectFrom: '127.0.0.1:0' } } };
    const balancer = await startBalancer(t, { registry: { url: redis.url } }, environments);
    await startPassage(t, pebble.httpPort, [await redirectAddress(balancer)]);
    const states = await eventually(
      () => certificates(balancer),
      (all) => all.filter(({ until }) => until !== null).length === 2,
    );
    t.match(states, [{ certificate: 'slow.example', until: null, acme: { failure: undefined } }, { until: Number }, { until: Number }]);
    t.equal(pebble.orders, before + 2);
    t.match(
      balancer.process.log.filter(({ msg = '' }) => /could not be opened is replaced|damaged document .* is replaced/.test(msg)),
      [{}, {}, {}],
      'the log tells of each damaged document',
    );
    pebble.front = () => false;
  });

  await t.test('an empty folder, TLS-ALPN-01, and what an operator is told', async (t) => {
    pebble.services = {};
    const listen = `127.0.0.1:${pebble.tlsPort}`;
    const spec = { ...base, listen, hosts: ['b.example', 'nowhere.example'] };
    const withEab = (more: object) => ({ ...spec, tls: { acme: { ...acme, challenge: 'tls-alpn-01', eab: more } } });
    const balancer = await startBalancer(t, { workers: 1 }, { production: withEab({}) });
    const states = (holds: (each: Certificates[number]) => boolean) =>
      eventually(
        () => certificates(balancer),
        (all) => all.length === 2 && all.every(holds),
      );
    for (const { acme: state } of await states((each) => each.acme?.failure !== undefined))
      t.match(state?.failure?.reason, /externalAccountRequired.*set tls.acme.eab/);
    t.equal(pebble.orders, 4, 'the account is at fault: nothing is ordered');

    await balancer.api('PUT', '/v1/environments/production', withEab(eab));
    const [issued, failed] = await followed(
      t,
      balancer,
      (each) => each.until !== null || each.acme?.failure?.reason.includes('tls-alpn-01 for nowhere') === true,
    );
    t.match(issued, { certificate: 'b.example', names: ['b.example'], acme: { renewal: Number, failure: undefined } });
    t.match(failed, {
      certificate: 'nowhere.example',
      until: null,
      acme: { failure: { reason: /Could not resolve.*see that the DNS records of the name lead here/ } },
    });
    t.equal(
      (
        await eventually(
          () => ask(listen, 'b.example', root).catch(() => undefined),
          (answer) => answer !== undefined,
        )
      )?.status,
      200,
    );
    const withoutChallenge = tls.connect({
      host: '127.0.0.1',
      port: pebble.tlsPort,
      servername: 'b.example',
      ALPNProtocols: ['acme-tls/1'],
    });
    const [error] = (await once(withoutChallenge, 'error')) as [Error];
    t.match(error, { code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' }, 'without a challenge the protocol is refused');

    const shown = (await balancer.api('GET', '/v1/environments/production')) as EnvironmentAnswer;
    t.match(shown.tls?.acme?.eab, { keyId: 'kid-1', hmac: /^hidden private key/ });
    await balancer.api('PUT', '/v1/environments/production', shown);
    t.strictSame((await certificates(balancer))[1]?.acme?.failure, failed?.acme?.failure, 'what was shown can be sent back');

    const kept = readdirSync(join(balancer.folder, 'data'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
    t.notMatch(kept.join(), /PRIVATE KEY/, 'keys are kept sealed');
    t.notMatch(JSON.stringify(balancer.process.log), /PRIVATE KEY|zWND/);
  });
});
