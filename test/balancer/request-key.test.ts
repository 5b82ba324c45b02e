import t from 'tap';
import { hashText } from '../../src/balance/hash-text.ts';
import { cookie, requestKey } from '../../src/balancer/request-key.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';

const exchange = new FakeExchange('GET', '/pets?x=1', { 'X-User': 'ann', Cookie: 'a=1; session=s-17; b="2"' });

t.test('the key is the hash of the part that hash.on names', async (t) => {
  t.equal(requestKey('client-ip')(exchange), hashText('192.0.2.1'));
  t.equal(requestKey('path')(exchange), hashText('/pets'));
  t.equal(requestKey('header:x-user')(exchange), hashText('ann'));
  t.equal(requestKey('cookie:session')(exchange), hashText('s-17'));
  const byCertificate = requestKey('client-certificate');
  t.equal(byCertificate(Object.assign(new FakeExchange('GET', '/', {}), { clientSubject: 'CN=ann' })), hashText('CN=ann'));
  const told = new FakeExchange('GET', '/', {});
  t.equal(byCertificate(Object.assign(told, { request: { ...told.request, clientCertificate: ':YQ==:' } })), hashText(':YQ==:'));
});

t.test('without that header or cookie the client address is hashed', async (t) => {
  t.equal(requestKey('header:x-other')(exchange), hashText('192.0.2.1'));
  t.equal(requestKey('cookie:Session')(exchange), hashText('192.0.2.1'));
  t.equal(requestKey('client-certificate')(exchange), hashText('192.0.2.1'));
});

t.test('cookies are read leniently, and never throw', async (t) => {
  t.equal(cookie(undefined, 'a'), undefined);
  t.equal(cookie('', 'a'), undefined);
  t.equal(cookie('a', 'a'), undefined);
  t.equal(cookie('a=', 'a'), '');
  t.equal(cookie('=x;;a=1=2; a=3', 'a'), '1=2');
  t.equal(cookie('xa=1; a=2', 'a'), '2');
  t.equal(cookie('b=1, a=2', 'a'), '2', 'header lines joined by a comma');
});
