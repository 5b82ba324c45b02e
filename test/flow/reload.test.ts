import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import t, { test } from 'tap';
import { bindsBeside } from '../../src/proxy/bound-socket.ts';
import { eventually } from '../tools/eventually.ts';
import { freePort } from '../tools/free-port.ts';
import { reload } from '../tools/reload.ts';
import { startBalancer } from '../tools/sluice-under-test.ts';
import { startTalker, talk } from './talk.ts';

// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 3;

async function nameAt(address: string | null): Promise<string> {
  const response = await fetch(`http://${address}/`);
  return response.status === 200 ? response.text() : String(response.status);
}

for (const workers of [0, 2]) {
  test(`SIGHUP applies what has changed in the configuration and leaves the rest alone (workers: ${workers})`, async (t) => {
    const environment = async (id: string) => ({
      listen: '127.0.0.1:0',
      health: 'off',
      servers: [{ id, address: await startTalker(t, id) }],
    });
    const [a, b, c] = [await environment('a'), await environment('b'), await environment('c')];
    const balancer = await startBalancer(t, { workers }, { production: a, development: { ...b, hosts: ['dev.example'] } });
    const { socket, say } = await talk(t, `${balancer.address}/`);
    t.equal(await say('before'), '/ before');
    // An operator changes an environment that the file does not change.
    await balancer.api('PUT', '/v1/environments/production', { ...a, exposeServer: true });
    await eventually(
      () => fetch(`http://${balancer.address}/`),
      (response) => response.headers.get('x-served-by') === 'a',
    );

    await reload(
      balancer,
      (config) => {
        config.environments['development'] = { ...c, hosts: ['dev.example'] };
        config.environments['another'] = { ...b, listen: '127.0.0.2:0' };
      },
      /configuration reloaded/,
    );
    const another = await eventually(
      async () => ((await balancer.api('GET', '/v1/environments/another')) as { status: { listening: string | null } }).status.listening,
      (address) => address !== null,
    );
    await eventually(
      () => nameAt(another),
      (name) => name === 'b',
    );
    t.equal(await say('after'), '/ after', 'an open WebSocket stays open');
    t.equal((await fetch(`http://${balancer.address}/`)).headers.get('x-served-by'), 'a', "an operator's change stays");
    t.notOk(
      balancer.process.log.some(
        (line) => line.msg === 'environment updated from the configuration' && line['environment'] === 'production',
      ),
    );

    await reload(
      balancer,
      (config) => {
        config.environments['another'] = { listen: 'nowhere', balance: 'by-chance' };
      },
      /was not carried out/,
    );
    await balancer.process.logged((line) => /environments\.another\.listen/.test(line.msg ?? ''));
    await balancer.process.logged((line) => /environments\.another\.balance/.test(line.msg ?? ''));
    t.equal(await nameAt(another), 'b', 'a refused configuration changes nothing');

    await reload(
      balancer,
      (config) => {
        delete config.environments['another'];
        config.control.listen = '127.0.0.1:1';
        config.workers = workers === 0 ? 2 : 3;
      },
      /configuration reloaded/,
    );
    const fixed = balancer.process.log.filter((line) => /takes effect when the balancer is restarted/.test(line.msg ?? ''));
    t.strictSame(
      fixed.map((line) => line['setting']),
      workers === 0 ? ['control', 'workers'] : ['control'],
    );
    t.equal(await nameAt(another), 'b', 'an environment that the file no longer names stays until it is deleted');
    if (workers > 0) {
      await balancer.process.logged((line) => line.msg === 'worker ready' && line['worker'] === 3);
      await reload(balancer, (config) => Object.assign(config, { accessLog: true, workers: 1 }), /configuration reloaded/);
      t.equal(await say('still'), '/ still', 'a retiring worker keeps its WebSockets for the grace period');
      // On a kept-alive connection, the retiring worker may still answer once.
      await eventually(
        () => nameAt(balancer.address),
        () => balancer.process.stdout.includes('"log":"access"'),
      );
      socket.terminate();
    } else {
      balancer.process.signal('SIGUSR2');
      await balancer.process.logged((line) => /no worker processes/.test(line.msg ?? ''));
      socket.terminate();
    }
    balancer.process.signal('SIGTERM');
    t.equal(await balancer.process.ended(), 0);
  });
}

for (const workers of [0, 1]) {
  test(`a listener that cannot be opened refuses the change (workers: ${workers})`, async (t) => {
    const blocker = net.createServer();
    await once(blocker.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => blocker.close());
    const taken = `127.0.0.1:${(blocker.address() as net.AddressInfo).port}`;
    const environment = async (id: string) => ({
      listen: '127.0.0.1:0',
      health: 'off',
      servers: [{ id, address: await startTalker(t, id) }],
    });
    const [a, b, c] = [await environment('a'), await environment('b'), await environment('c')];
    const balancer = await startBalancer(t, { workers }, { production: a });
    const listening = async () => ((await balancer.api('GET', '/v1/environments/production')) as { listen: string }).listen;

    await t.rejects(
      balancer.api('PUT', '/v1/environments/production', { ...a, listen: taken }),
      new RegExp(`503.*${taken}.*another program listens there`, 's'),
    );
    t.equal(await listening(), '127.0.0.1:0');
    t.equal(await nameAt(balancer.address), 'a');

    await reload(
      balancer,
      (config) => {
        config.environments['production'] = { ...b };
        config.environments['development'] = { ...c, listen: taken };
      },
      new RegExp(`SIGHUP was not carried out: .*${taken}`),
    );
    t.equal(await nameAt(balancer.address), 'a', 'the whole configuration is refused');
    t.notOk(balancer.process.log.some(({ msg }) => msg === 'configuration reloaded'));

    for (const text of ['', '# nothing\n\n', '{ "environments": { "production": {']) {
      writeFileSync(join(balancer.folder, 'sluice.json'), text);
      const already = balancer.process.log.length;
      balancer.process.signal('SIGHUP');
      await balancer.process.logged((line) => balancer.process.log.indexOf(line) >= already && /was not carried out/.test(line.msg ?? ''));
      t.equal(await nameAt(balancer.address), 'a', JSON.stringify(text));
    }
  });
}

/** Asks again and again over new connections, with several clients, until it is stopped; resolves with what went wrong. */
function askAnew(port: number, clients: number): { readonly right: () => number; stop(): Promise<string[]> } {
  const wrong: string[] = [];
  let right = 0;
  let stopped = false;
  const ask = () =>
    new Promise<void>((resolve) => {
      http
        .get({ host: '127.0.0.1', port, agent: false }, (response) => {
          if (response.statusCode === 200) right++;
          else wrong.push(String(response.statusCode));
          response.resume().once('close', resolve);
        })
        .once('error', (error) => {
          wrong.push(error.message);
          resolve();
        });
    });
  const running = Array.from({ length: clients }, async () => {
    while (!stopped) await ask();
  });
  return {
    right: () => right,
    async stop() {
      stopped = true;
      await Promise.all(running);
      return wrong;
    },
  };
}

for (const workers of [0, 2]) {
  test(`a listener is widened to all interfaces and narrowed again: no connection is lost (workers: ${workers})`, async (t) => {
    const port = await freePort();
    const narrow = { listen: `127.0.0.1:${port}`, health: 'off', servers: [{ id: 'a', address: await startTalker(t, 'a') }] };
    const wide = { ...narrow, listen: `0.0.0.0:${port}` };
    const balancer = await startBalancer(t, { workers }, { production: narrow });
    await eventually(
      () => balancer.process.log.filter(({ msg }) => msg === 'worker ready').length,
      (count) => count === workers,
    );
    const load = askAnew(port, 8);
    const more = async (count: number) => {
      const from = load.right();
      await eventually(load.right, (right) => right >= from + count);
    };
    await more(100);
    if (!bindsBeside) {
      await t.rejects(balancer.api('PUT', '/v1/environments/production', wide), /503.*this version of Node\.js cannot hold both/s);
      await more(100);
    }
    for (let round = 0; bindsBeside && round < 3; round++) {
      await balancer.api('PUT', '/v1/environments/production', wide);
      await eventually(
        () => nameAt(`127.0.0.2:${port}`).catch(() => 'refused'),
        (name) => name === 'a',
      );
      await more(300);
      await balancer.api('PUT', '/v1/environments/production', narrow);
      await eventually(
        () => nameAt(`127.0.0.2:${port}`).catch(() => 'refused'),
        (name) => name === 'refused',
      );
      await more(300);
    }
    t.strictSame(await load.stop(), []);
    t.comment(`${load.right()} answers`);
  });
}
