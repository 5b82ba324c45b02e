import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Asker } from './asker.ts';
import { bigProject, environments, fixedServers } from './scene.ts';

/** The parts of a run that an asking needs. */
export interface Scene {
  readonly asker: Asker;
  readonly control: string;
  readonly token: string;
  readonly servers: number;
  /** URL of a server that answers with 200. */
  readonly target: string;
  /** Listener of the environment with static servers. */
  readonly listen: string;
}

/** A heavy thing that the control plane is asked, again and again until the signal. Resolves with the number of answers. */
export interface Asking {
  readonly name: string;
  run(scene: Scene, signal: AbortSignal): Promise<number>;
}

let made = 0;

function reading(name: string, path: string, atOnce: number, more: { readonly token?: string } = {}): Asking {
  return { name, run: ({ asker }, signal) => asker.repeat(atOnce, signal, () => asker.ask({ method: 'GET', path, status: 200, ...more })) };
}

/** All that is asked. Revision 1 and 2 of the project `big`, and 300 revisions of `small`, are there. */
export const askings: readonly Asking[] = [
  reading('openapi.json without a token × 32', '/openapi.json', 32, { token: '' }),
  {
    name: 'push of 400 KB, JSON',
    run: ({ asker, target }, signal) =>
      asker.repeat(1, signal, () =>
        asker.ask({ method: 'POST', path: '/v1/projects', body: bigProject(target, `j${made++}`), status: 201 }),
      ),
  },
  {
    name: 'push of 300 KB, YAML',
    run: ({ asker }, signal) =>
      asker.repeat(1, signal, () => {
        const lines = Array.from({ length: 5000 }, (_, index) => `  - { path: /things/number-${index}, methods: [GET, POST] }`);
        const body = `name: yaml\nversion: y${made++}\nbasePath: /yaml\ntargets: { default: { url: "http://127.0.0.1:9" } }\nresources:\n${lines.join('\n')}\n`;
        return asker.ask({ method: 'POST', path: '/v1/projects', body, type: 'application/yaml', status: 201 });
      }),
  },
  {
    name: 'push of what is there × 4',
    run: ({ asker, target }, signal) => {
      const body = bigProject(target, 'same', 'same');
      return asker.repeat(4, signal, () => asker.ask({ method: 'POST', path: '/v1/projects', body, status: [200, 201] }));
    },
  },
  {
    name: 'big bad bodies × 4',
    run: ({ asker }, signal) => {
      const faulty = JSON.stringify({ name: 'x', resources: Array.from({ length: 20_000 }, () => ({ path: 'no', methods: ['g e t'] })) });
      const bodies = [faulty, '[{'.repeat(150_000), `a: ${'[1, '.repeat(100_000)}`, '\0'.repeat(900_000)];
      return asker.repeat(4, signal, (index) =>
        asker.ask({ method: 'POST', path: '/v1/projects', body: bodies[index % bodies.length] as string, status: [400, 413, 422] }),
      );
    },
  },
  {
    name: 'big bodies without a token × 8',
    run: ({ asker }, signal) => {
      const body = Buffer.alloc(3 << 20, 'x');
      return asker.repeat(8, signal, () =>
        asker.ask({ method: 'POST', path: '/v1/projects', body, token: 'wrong-token-of-this-bench', status: [401, 429] }),
      );
    },
  },
  {
    name: 'bad tokens × 32',
    run: ({ asker }, signal) =>
      asker.repeat(32, signal, (index) => asker.ask({ method: 'GET', path: '/v1/servers', token: `bad-${index}`, status: [401, 429] })),
  },
  reading('metrics × 4', '/metrics', 4),
  reading('list of servers × 4', '/v1/servers', 4),
  reading('list of environments × 4', '/v1/environments', 4),
  reading('deployments and their servers × 4', `/v1/environments/${environments.fleet}/deployments`, 4),
  reading('revision of 400 KB × 4', '/v1/projects/big/revisions/1', 4),
  reading('list of projects × 4', '/v1/projects', 4),
  {
    name: 'deploys of 400 KB',
    run: ({ asker }, signal) =>
      asker.repeat(1, signal, (index) => {
        const path = `/v1/environments/${environments.gateways}/deployments/big`;
        return asker.ask({ method: 'PUT', path, body: JSON.stringify({ revision: 1 + (index % 2) }), status: 200 });
      }),
  },
  {
    name: 'pushes and deploys of 400 KB',
    run: ({ asker, target }, signal) =>
      asker.repeat(1, signal, async () => {
        await asker.ask({ method: 'POST', path: '/v1/projects', body: bigProject(target, `d${made++}`), status: 201 });
        const path = `/v1/environments/${environments.gateways}/deployments/big`;
        await asker.ask({ method: 'PUT', path, body: '{}', status: 200 });
      }),
  },
  {
    name: 'live feeds opened × 8',
    run: ({ asker, control, token }, signal) =>
      asker.repeat(8, signal, async () => {
        const socket = new WebSocket(`${control.replace('http', 'ws')}/v1/events`, { headers: { authorization: `Bearer ${token}` } });
        const whole = new Promise<void>((resolve, reject) => {
          socket.on('message', (data: Buffer) => {
            if (data.subarray(0, 40).includes('"servers"')) resolve();
          });
          socket.once('error', reject);
          socket.once('close', () => reject(new Error('the live feed was closed')));
        });
        await whole;
        const closed = once(socket, 'close');
        socket.terminate();
        await closed;
      }),
  },
  {
    name: 'registrations × 16',
    run: ({ asker, servers, target }, signal) =>
      asker.repeat(16, signal, async (index) => {
        const path = `/v1/register/storm-${index % Math.max(16, servers)}`;
        const body = JSON.stringify({ environment: environments.fleet, address: new URL(target).host, ttl: '1h' });
        await asker.ask({ method: 'PUT', path, body, status: 200 });
        await asker.ask({ method: 'DELETE', path, status: 204 });
      }),
  },
  {
    name: 'changes of many static servers',
    run: ({ asker, servers, target, listen }, signal) =>
      asker.repeat(1, signal, (index) => {
        const body = JSON.stringify(fixedServers({ listen, count: servers, target, weight: 1 + (index % 2) }));
        return asker.ask({ method: 'PUT', path: `/v1/environments/${environments.fixed}`, body, status: 200 });
      }),
  },
  {
    name: 'deletions of revisions × 4',
    run: ({ asker }, signal) =>
      asker.repeat(4, signal, async (index) => {
        const path = `/v1/projects/small/revisions/${index + 1}`;
        await asker.ask({ method: 'DELETE', path, status: [204, 404] });
      }),
  },
];
