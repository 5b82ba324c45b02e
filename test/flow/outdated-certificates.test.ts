import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { eventually } from '../tools/eventually.ts';
import { freePort } from '../tools/free-port.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { operate, startBalancer } from '../tools/sluice-under-test.ts';
import { ask, startForwarded } from './tls-client.ts';

for (const workers of [0, 1]) {
  test(`a certificate that is out of date at a start is served with a loud error, and a reload with one changes nothing (workers: ${workers})`, async (t) => {
    const made = new CertificateFolder(t);
    const folder = ownFolder(t);
    const put = (name: string, from: { certificate: string; key: string }) => {
      cpSync(from.certificate, join(folder, `${name}.pem`));
      cpSync(from.key, join(folder, `${name}.key`));
    };
    const files = (name: string) => ({ certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) });
    put('old', made.issue({ names: ['old.example'], until: '20250101000000Z' }));
    put('early', made.issue({ names: ['early.example'], from: '20900101000000Z' }));
    put('good', made.issue({ names: ['good.example'] }));
    const server = await startForwarded(t);
    const listen = `127.0.0.1:${await freePort()}`;
    const environment = (name: string) => ({
      ...{ listen, hosts: [`${name}.example`], health: 'off', servers: [{ id: name, address: server }] },
      tls: { certificates: [files(name)] },
    });
    const ended = made.issue({ names: ['ended'], authority: true, until: '20250101000000Z' });
    cpSync(ended.certificate, join(folder, 'clients.pem'));
    const mutual = environment('mutual');
    Object.assign(mutual.tls, { clientCertificates: { ca: join(folder, 'clients.pem'), require: false } });
    put('mutual', made.issue({ names: ['mutual.example'] }));
    const environments = { old: environment('old'), early: environment('early'), good: environment('good'), mutual };
    const balancer = await startBalancer(t, { workers }, environments);
    const ca = readFileSync(made.root.certificate);
    t.equal((await ask(listen, 'good.example', { ca })).status, 200, 'the others are served');
    await t.rejects(ask(listen, 'old.example', { ca }), { code: 'CERT_HAS_EXPIRED' });
    await t.rejects(ask(listen, 'early.example', { ca }), { code: 'CERT_NOT_YET_VALID' });
    t.equal((await ask(listen, 'old.example', { rejectUnauthorized: false })).status, 200, 'clients that do not check get in');
    t.equal((await ask(listen, 'mutual.example', { ca })).status, 200, 'an authority that has expired keeps no environment down');
    const client = made.issue({ names: ['client'], by: ended });
    const shown = { cert: readFileSync(client.certificate), key: readFileSync(client.key) };
    t.equal((await ask(listen, 'mutual.example', { ca, ...shown })).status, 400, 'and lets no client in');
    const status = (await operate(t, balancer, 'status')).out;
    for (const [name, reason] of [
      ['clients', 'has expired'],
      ['old', 'has expired'],
      ['early', 'is not valid yet'],
    ]) {
      await balancer.process.logged(
        ({ level, msg = '' }) => Number(level) >= 50 && msg.includes(`${name}.pem ${reason}`) && msg.includes('served all the same'),
      );
      t.match(status, new RegExp(`certificate .*${name}\\.pem.* ${reason}`));
    }
    const metrics = await (await fetch(`${balancer.control}/metrics`)).text();
    t.match(metrics, /sluice_certificate_expiry_timestamp_seconds\{certificate="[^"]*old.pem"\} 1735689600/);
    const reload = (changed: object) => {
      const text = JSON.stringify({ control: { listen: '127.0.0.1:0' }, workers, environments: { ...environments, ...changed } });
      writeFileSync(join(balancer.folder, 'sluice.json'), text);
      balancer.process.signal('SIGHUP');
    };
    reload({ good: { ...environments.good, hosts: ['good.example', 'more.example'] } });
    await balancer.process.logged(({ msg }) => msg === 'configuration reloaded');
    await balancer.api('PUT', '/v1/environments/old', { ...environments.old, hosts: ['old.example', 'older.example'] });
    put('new', made.issue({ names: ['new.example'], until: '20250101000000Z' }));
    const renamed = { ...environments.good, tls: environment('new').tls };
    await t.rejects(balancer.api('PUT', '/v1/environments/good', renamed), /422 .*new.pem has expired/);
    reload({ good: renamed });
    await balancer.process.logged(({ level, msg = '' }) => Number(level) >= 50 && msg.includes('new.pem has expired'));
    t.equal((await ask(listen, 'good.example', { ca })).status, 200, 'files that are named anew are not out of date');
    put('good', made.issue({ names: ['good.example', 'late.example'], until: '20250101000000Z' }));
    reload({});
    await balancer.process.logged(({ msg = '' }) => msg.includes('good.pem has expired') && msg.includes('stays in use'));
    t.equal((await ask(listen, 'good.example', { ca })).status, 200, 'an expired file changes nothing later');
    put('old', made.issue({ names: ['old.example'] }));
    reload({});
    await balancer.process.logged(({ msg = '' }) => msg.startsWith('certificate replaced'));
    await eventually(
      () => ask(listen, 'old.example', { ca }).catch(() => ({ status: 0 })),
      ({ status }) => status === 200,
      { what: 'the renewed certificate' },
    );
  });
}
