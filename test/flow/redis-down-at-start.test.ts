import t, { test } from 'tap';
import { run } from '../cli/command-line.ts';
import { echoProject, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { startRedis } from '../tools/redis.ts';
import { type LogLine, SluiceProcess } from '../tools/sluice-process.ts';
import { adminToken, joinToken, onFreePorts } from '../tools/sluice-under-test.ts';

t.setTimeout(200_000);
// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 3;

const env = { SLUICE_ADMIN_TOKEN: adminToken, SLUICE_JOIN_TOKEN: joinToken, SLUICE_LOG_LEVEL: 'debug' };
const authorization = `Bearer ${adminToken}`;
const isWarning = ({ level }: LogLine) => Number(level) >= 40;
const texts = (lines: readonly LogLine[]) => lines.map(({ msg }) => String(msg));

for (const workers of ['0', '2']) {
  test(`Redis is down at the start: all log that once and answer, and start when it is up (workers: ${workers})`, async (t) => {
    const redis = await startRedis(t);
    await redis.stop();
    const target = await startTarget(t);
    const balancer = SluiceProcess.start(t, ['serve'], {
      folder: ownFolder(t),
      env: { ...env, ...onFreePorts, SLUICE_REGISTRY_URL: redis.url, SLUICE_WORKERS: workers },
    });
    const gateway = SluiceProcess.start(t, ['gateway', '--join', redis.url, '--environment', 'production', '--id', 'a'], {
      folder: ownFolder(t),
      env,
    });
    const control = String((await balancer.logged(({ msg }) => msg === 'control'))['control']);
    const ask = async (path: string) => {
      const response = await fetch(control + path, { headers: { authorization } });
      return { status: response.status, body: (await response.json()) as unknown };
    };
    t.match(await ask('/healthz'), { status: 200, body: { status: 'ok' } });
    t.match(await ask('/readyz'), {
      status: 503,
      body: { status: 'not ready', reason: /registry cannot be reached: connect ECONNREFUSED/ },
    });
    t.match(await ask('/v1/registry'), { status: 200, body: { up: false, reason: /ECONNREFUSED/, refuses: null } });
    t.match(await ask('/v1/environments'), { status: 503, body: { code: 'unavailable', detail: /ECONNREFUSED/ } });
    t.equal((await fetch(control)).status, 200, 'the dashboard');
    t.match(await fetch(`${control}/metrics`).then((response) => response.text()), /^sluice_ready 0$/m);
    t.match(await run(['ready'], { env: { SLUICE_CONTROL: control } }), {
      status: 1,
      err: /^error: not ready: .*status 503: the registry cannot be reached: /,
    });

    const { advertise } = await gateway.logged(({ msg }) => msg === 'gateway listens');
    const ready = `http://${advertise}/.sluice/ready`;
    t.match(await fetch(ready).then((response) => response.json()), {
      status: 503,
      code: 'not-ready',
      title: 'This server is not in service: it could not join yet, its log says why.',
    });
    t.match(await run(['ready', ready]), { status: 1, err: /status 503: This server is not in service: it could not join yet/ });

    const errors = ({ log }: SluiceProcess) => log.filter(({ msg }) => msg === 'the connection to Redis had an error').length;
    await eventually(() => [balancer, gateway].every((one) => errors(one) >= 6), Boolean, { what: 'many attempts to connect' });
    await gateway.logged(({ msg }) => msg === 'could not join; retrying');
    t.strictSame(texts(balancer.log.filter(isWarning)).sort(), [
      'the registry in Redis cannot be reached; trying again',
      'waiting for the registry',
    ]);
    t.strictSame(texts(gateway.log.filter(isWarning)).sort(), [
      'could not join; retrying',
      'the registry in Redis cannot be reached; trying again',
    ]);

    await redis.start();
    const { listen } = await balancer.logged(({ msg }) => msg === 'serving');
    await eventually(
      () => ask('/readyz'),
      ({ status }) => status === 200,
    );
    const push = {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(echoProject(target.url, '1')),
    };
    t.equal((await fetch(`${control}/v1/projects`, push)).status, 201);
    const deploy = { method: 'PUT', headers: { authorization, 'content-type': 'application/json' }, body: '{}' };
    t.equal((await fetch(`${control}/v1/environments/production/deployments/echo`, deploy)).status, 200);
    await eventually(
      () => fetch(`http://${listen}/echo/`).then(({ status }) => status),
      (status) => status === 200,
    );
    t.equal((await fetch(ready)).status, 200);
  });
}

test('a balancer and a gateway server that wait for Redis stop at SIGTERM', async (t) => {
  const redis = await startRedis(t);
  await redis.stop();
  const folder = ownFolder(t);
  const balancer = SluiceProcess.start(t, ['serve'], { folder, env: { ...env, ...onFreePorts, SLUICE_REGISTRY_URL: redis.url } });
  const gateway = SluiceProcess.start(t, ['gateway', '--join', redis.url], { folder, env });
  await balancer.logged(({ msg }) => msg === 'control');
  await gateway.logged(({ msg }) => msg === 'gateway listens');
  for (const one of [balancer, gateway]) {
    one.signal('SIGTERM');
    t.equal(await one.ended(), 0);
  }
});
