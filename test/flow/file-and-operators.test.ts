import { test } from 'tap';
import type { EnvironmentAnswer } from '../../src/api/answers.ts';
import { reload } from '../tools/reload.ts';
import { type BalancerUnderTest, operate, startBalancer } from '../tools/sluice-under-test.ts';

const environment = {
  listen: '127.0.0.1:0',
  slowStart: '5s',
  timeouts: { connect: '1s', total: '60s' },
  variables: { a: 'file', b: 'file' },
};

async function read(balancer: BalancerUnderTest, name = 'production'): Promise<EnvironmentAnswer> {
  return (await balancer.api('GET', `/v1/environments/${name}`)) as EnvironmentAnswer;
}

/** Changes some settings as the dashboard does: it sends all of them. */
async function change(balancer: BalancerUnderTest, changes: object): Promise<void> {
  await balancer.api('PUT', '/v1/environments/production', { ...(await read(balancer)), ...changes });
}

/** Stops a balancer and starts it again with a changed file. */
async function restart(balancer: BalancerUnderTest, variables: Record<string, string> = {}): Promise<BalancerUnderTest> {
  balancer.process.signal('SIGTERM');
  await balancer.process.ended();
  return balancer.again(variables);
}

test('changes by operators stay over restarts and reloads, and only what changed in the file is applied', async (t) => {
  let balancer = await startBalancer(t, {}, { production: environment, other: { listen: '127.0.0.2:0' } });
  t.strictSame((await read(balancer)).status.origins, {
    listen: 'file',
    slowStart: 'file',
    'timeouts.connect': 'file',
    'timeouts.total': 'file',
    'variables.a': 'file',
    'variables.b': 'file',
  });
  const { timeouts } = await read(balancer);
  await change(balancer, {
    slowStart: '7s',
    balance: 'random-two',
    timeouts: { ...timeouts, clientIdle: '33s' },
    variables: { a: 'operator', b: 'file', c: 'operator' },
  });

  const operated = {
    slowStart: '7s',
    balance: 'random-two',
    timeouts: { connect: '1s', total: '60s', clientIdle: '33s' },
    variables: { a: 'operator', b: 'file', c: 'operator' },
  };
  balancer = await restart(balancer);
  const restarted = await read(balancer);
  t.match(restarted, operated, 'a restart');
  t.match(restarted.status.origins, {
    slowStart: 'api',
    balance: 'api',
    'timeouts.connect': 'file',
    'timeouts.clientIdle': 'api',
    'variables.a': 'api',
    'variables.b': 'file',
    'variables.c': 'api',
  });
  t.match(
    balancer.process.log.find(({ msg }) => /that operators changed stay/.test(msg ?? '')),
    { environment: 'production', settings: ['slowStart', 'variables.a'] },
  );
  const shown = (await operate(t, balancer, 'env', 'show', 'production')).out;
  t.match(shown, /set in the configuration: listen, timeouts.connect, timeouts.total, variables.b/);
  t.match(shown, /set by operators: .*slowStart/);

  await reload(balancer, (config) => void Object.assign(config, { workers: 0 }), /configuration reloaded/);
  t.match(await read(balancer), operated, 'a reload of a file that has not changed here');

  await reload(
    balancer,
    (config) => {
      const production = config.environments['production'] as Record<string, unknown>;
      production['timeouts'] = { connect: '2s' };
      production['variables'] = { a: 'new file', b: 'file' };
    },
    /configuration reloaded/,
  );
  const reloaded = await read(balancer);
  t.match(reloaded, {
    slowStart: '7s',
    balance: 'random-two',
    timeouts: { connect: '2s', total: '0s', clientIdle: '33s' },
    variables: { a: 'new file', b: 'file', c: 'operator' },
  });
  t.match(
    balancer.process.log.find(({ msg }) => /had changed are replaced/.test(msg ?? '')),
    { environment: 'production', settings: ['variables.a'] },
  );
});

test('an environment that operators deleted stays deleted until its configuration changes', async (t) => {
  let balancer = await startBalancer(t, {}, { other: { listen: '127.0.0.2:0' } });
  await balancer.api('DELETE', '/v1/environments/other');
  await reload(balancer, (config) => void Object.assign(config, { workers: 0 }), /configuration reloaded/);
  await t.rejects(read(balancer, 'other'), /404/);
  t.ok(balancer.process.log.some(({ msg }) => /deleted by an operator.*sluice env create other/.test(msg ?? '')));
  await reload(
    balancer,
    (config) => {
      config.environments['other'] = { listen: '127.0.0.2:0', slowStart: '1s' };
    },
    /configuration reloaded/,
  );
  t.match(await read(balancer, 'other'), { slowStart: '1s' });
  await balancer.api('DELETE', '/v1/environments/other');
  await reload(balancer, (config) => void delete config.environments['other'], /configuration reloaded/);
  await reload(
    balancer,
    (config) => {
      config.environments['other'] = { listen: '127.0.0.2:0', slowStart: '1s' };
    },
    /configuration reloaded/,
  );
  t.match(await read(balancer, 'other'), { slowStart: '1s' }, 'taken out of the file and put in again');
  balancer = await restart(balancer, { SLUICE_ENVIRONMENTS_PRODUCTION_SLOW_START: '3s' });
  t.match(await read(balancer), { slowStart: '3s', status: { origins: { slowStart: 'file' } } }, 'a variable counts as the file');
  await change(balancer, { slowStart: '4s' });
  balancer = await restart(balancer, { SLUICE_ENVIRONMENTS_PRODUCTION_SLOW_START: '3s' });
  t.match(await read(balancer), { slowStart: '4s' });
});
