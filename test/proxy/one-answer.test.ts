import t from 'tap';
import type { Exchange } from '../../src/proxy/contract.ts';
import { statusOf } from '../wire/peer.ts';
import { type World, world } from '../wire/world.ts';

const get = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ntheirs';

t.test('a route may answer instead of the upstream, whose response is dropped', async (t) => {
  const respond = (exchange: Exchange) => exchange.respond(451, {}, 'ours');
  const w = await world(t, { route: { respond } });
  const { client, server } = await w.asked(get);
  await server.head();
  server.send(ok);
  const answer = await client.message();
  t.equal(statusOf(answer), 451);
  t.equal(answer.body, 'ours');
  await server.closed();
  client.send(get);
  await (await w.server.next()).head();
  t.equal(client.text, '', 'nothing of the dropped response follows');
  t.match(w.records, [{ status: 451, octets: 4, server: undefined }]);
});

t.test('a second answer breaks off a response that has begun', async (t) => {
  const exchanges: Exchange[] = [];
  const request = (exchange: Exchange) => {
    exchanges.push(exchange);
    exchange.forward(w.route);
  };
  const w: World = await world(t, { handler: { request } });
  const { client, server } = await w.asked(get);
  await server.head();
  server.send(ok.slice(0, -3));
  await client.take('the');
  exchanges[0]?.respond(500, {}, 'ours');
  t.equal(await client.until('the end', () => client.over), 'reset');
  t.equal(client.text, '', 'no second head');
  await w.quiet();
  t.match(w.records, [{ status: 200, octets: 3, aborted: true }]);
});

t.test('an answer after the end of the exchange is ignored', async (t) => {
  const exchanges: Exchange[] = [];
  const request = (exchange: Exchange) => {
    exchanges.push(exchange);
    exchange.respond(200, {}, 'once');
    exchange.respond(200, {}, 'twice');
    exchange.forward(w.route);
  };
  const w: World = await world(t, { handler: { request } });
  const client = await w.client();
  client.send(get);
  t.equal((await client.message()).body, 'once');
  client.send(get);
  t.equal((await client.message()).body, 'once');
  exchanges[0]?.respond(200, {}, 'late');
  client.send(get);
  t.equal((await client.message()).body, 'once');
  t.equal(w.server.count, 0);
  t.equal(w.records.length, 3);
});
