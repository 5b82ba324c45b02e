import { createServer, type ServerResponse } from 'node:http';
import t from 'tap';
import { Condition } from './condition.ts';
import { listening } from './listening.ts';
import { Load } from './load.ts';

const clients = 4;

t.test('an event loses the POSTs that are in flight at it, one of each client, and nothing else', async (t) => {
  const held: ServerResponse[] = [];
  const arrived = new Condition();
  let holds = '';
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const { method = '', url = '' } = request;
    if (method !== holds) {
      response.end(`${method} ${url.slice(1)} ${body}`);
      return;
    }
    held.push(response);
    arrived.notify();
  });
  const load = new Load(await listening(t, server), '/', { clients });
  const counted = () => ({ wrong: load.counts.wrong.length, lost: load.counts.lost.length });
  /** Lets a request of each client wait, then fails all of them. */
  const failAll = async (method: string, meanwhile = async () => {}) => {
    holds = method;
    await arrived.until(() => held.length === clients, { what: `a ${method} of each client`, seen: () => held.length });
    await meanwhile();
    const before = load.counts.wrong.length + load.counts.lost.length;
    holds = '';
    for (const response of held.splice(0)) response.writeHead(502).end();
    await load.until(({ wrong, lost }) => wrong.length + lost.length === before + clients);
  };

  await failAll('POST', () => load.losing('posts', async () => {}));
  t.strictSame(counted(), { wrong: 0, lost: clients }, 'in flight at the event');
  await failAll('POST');
  t.strictSame(counted(), { wrong: clients, lost: clients }, 'begun after the event');
  await load.losing('posts', async () => {
    await failAll('GET');
    t.strictSame(counted(), { wrong: 2 * clients, lost: clients }, 'GETs');
    await failAll('POST');
    t.strictSame(counted(), { wrong: 2 * clients, lost: 2 * clients }, 'the first POST of each client');
    await failAll('POST');
    t.strictSame(counted(), { wrong: 3 * clients, lost: 2 * clients }, 'the second POST of each client');
  });
  await failAll('GET', () => load.losing('any', async () => {}));
  t.strictSame(counted(), { wrong: 3 * clients, lost: 3 * clients }, 'GETs at an event that ends connections of clients');
  await load.stop();
});
