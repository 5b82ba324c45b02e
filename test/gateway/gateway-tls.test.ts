import { readFileSync } from 'node:fs';
import t from 'tap';
import { GatewayTls, type HopSide } from '../../src/gateway/gateway-tls.ts';
import { CertificateStore } from '../../src/tls/certificate-store.ts';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { silentLogger } from '../tools/fake-logger.ts';

/** A server's own machine has the address 192.0.2.1. */
const isOwn = (address: string) => address === '127.0.0.1' || address === '192.0.2.1';
const stranger = '192.0.2.9';

type Applier = { environment: string | undefined; serverTls: 'auto' | 'on' | 'off' | undefined };

function underTest() {
  const clock = new FakeClock();
  const applier: Applier = { environment: undefined, serverTls: undefined };
  const served: string[] = [];
  const hop: { -readonly [K in keyof HopSide]: HopSide[K] } = {
    credentials: undefined,
    recordedAt: undefined,
    onChange: () => () => {},
    served: (id) => served.push(id),
    refusalOf: () => undefined,
  };
  const tls = new GatewayTls({ hop, applier, clock, changed: () => {}, isOwn });
  const run = (environment: string | undefined, serverTls: Applier['serverTls']) => {
    Object.assign(applier, { environment, serverTls });
    return tls.settings;
  };
  const certify = (environment: string | undefined, recordedAt: number | undefined) => {
    hop.credentials = { id: 'c1', key: 'k', certificate: 'c', authorities: [], environment, until: 0 };
    hop.recordedAt = recordedAt;
    return tls.settings;
  };
  return { clock, tls, served, run, certify };
}

t.test('plain connections from other machines are refused once balancers know that the server answers TLS', async (t) => {
  const { clock, tls, served, run, certify } = underTest();
  t.ok(tls.mayBePlain(stranger), 'in no environment');
  run('production', 'auto');
  t.ok(tls.mayBePlain(stranger), 'without a certificate');
  const { hop } = certify('production', undefined);
  t.match(hop, { certificate: 'c', key: 'k' });
  t.equal(tls.settings.hop, hop, 'the same as long as nothing changes');
  tls.applied();
  t.strictSame(served, ['c1']);
  await clock.pass(5_000);
  certify('production', clock.now());
  await clock.pass(14_000);
  t.ok(tls.mayBePlain(stranger), 'balancers may not have heard of it');
  await clock.pass(1_000);
  t.notOk(tls.mayBePlain(stranger));
  t.ok(tls.mayBePlain('192.0.2.1'), 'from its own machine');
  t.ok(tls.mayBePlain('127.0.0.1'));
  run('staging', 'auto');
  t.ok(tls.mayBePlain(stranger), 'after a move, the certificate is for another environment');
  certify('staging', 0);
  t.notOk(tls.mayBePlain(stranger), 'known since the server started');
  run('staging', undefined);
  t.ok(tls.mayBePlain(stranger), 'an older version wrote the environment: some balancers may know no TLS');
});

t.test('a stricter setting is obeyed once balancers know it, a looser one at once', async (t) => {
  const { clock, tls, run, certify } = underTest();
  run('production', 'on');
  t.notOk(tls.mayBePlain('127.0.0.1'), 'at the start, also without a certificate, and from its own machine');
  certify('production', 0);
  run('production', 'auto');
  t.ok(tls.mayBePlain('127.0.0.1'));
  t.notOk(tls.mayBePlain(stranger));
  run('production', 'on');
  await clock.pass(14_000);
  t.ok(tls.mayBePlain('127.0.0.1'));
  t.notOk(tls.mayBePlain(stranger));
  await clock.pass(1_000);
  t.notOk(tls.mayBePlain('127.0.0.1'));
  run('production', 'off');
  t.ok(tls.mayBePlain(stranger));
  run('production', 'auto');
  t.ok(tls.mayBePlain(stranger));
  await clock.pass(15_000);
  t.notOk(tls.mayBePlain(stranger));
});

t.test('files for clients that cannot be used are refused with the option and the remedy', (t) => {
  const made = new CertificateFolder(t);
  const { certificate, key } = made.issue({ names: ['gw.example'] });
  const other = made.issue({ names: ['other.example'] });
  const expired = made.issue({ names: ['gw.example'], until: '20250101000000Z' });
  const make = (certificate: string, key: string) => {
    const store = new CertificateStore(made.folder, new FakeClock(), silentLogger);
    const clock = { now: () => 0 };
    const applier: Applier = { environment: undefined, serverTls: undefined };
    return new GatewayTls({ clients: { store, files: { certificate, key } }, applier, clock, changed: () => {} });
  };
  t.throws(() => make(certificate, other.key), { message: /^--tls-key: .*does not fit/, code: 'invalid' });
  t.throws(() => make('none.pem', key), { message: /^--tls-certificate: cannot read .*none.pem/ });
  const chainOf = (file: string) => ({ tls: { certificates: [{ chain: readFileSync(file, 'utf8') }] } });
  t.match(make(certificate, key).settings, { ...chainOf(certificate), hop: undefined });
  t.match(
    make(expired.certificate, expired.key).settings,
    chainOf(expired.certificate),
    'one that has only expired is served all the same',
  );
  t.end();
});
