import t from 'tap';
import { Authority } from '../../src/certificates/authority.ts';
import { proveBalancer } from '../../src/certificates/balancer-proof.ts';
import { balancerUri, refuseBalancer, serverUri } from '../../src/certificates/hop-certificates.ts';
import { makeKeyPair, privatePem } from '../../src/certificates/key-pair.ts';
import { KnownBalancers } from '../../src/gateway/known-balancers.ts';

const day = 24 * 3_600_000;
const here = { id: 'g1', environment: 'production' };

function issue(by: Authority, { uri = balancerUri('b1'), until = Date.now() + day, purpose = 'client' as 'client' | 'server' } = {}) {
  const { publicKey, privateKey } = makeKeyPair();
  return { certificate: by.issue({ uri, publicKey, purpose, from: Date.now() - day, until }), key: privatePem(privateKey) };
}

t.test('only a balancer of the registry proves itself, only to one server, and once its authority is known', async (t) => {
  const [authority, other] = [Authority.make(Date.now()), Authority.make(Date.now())];
  let authorities = [other.x509];
  let environment = 'production';
  let changed = () => {};
  const { knows, stop } = new KnownBalancers({
    server: () => ({ id: 'g1', environment }),
    refusalOf: (certificate) => refuseBalancer(certificate, authorities, Date.now()),
    onChange: (listener) => {
      changed = listener;
      return () => {};
    },
  });
  const own = issue(authority);
  const proof = proveBalancer(own, here);
  t.equal(knows(proof), false, 'its authority is not known yet');
  authorities = [authority.x509];
  changed();
  t.equal(knows(proof), true);
  t.equal(knows(proof), true, 'a judgement that is remembered');
  const [certificate = '', signature = ''] = proof.split(' ');
  const byOther = proveBalancer(issue(authority), here).split(' ')[1];
  for (const [what, claim] of [
    ['another server', proveBalancer(own, { ...here, id: 'g2' })],
    ['another environment', proveBalancer(own, { ...here, environment: 'staging' })],
    ['another authority', proveBalancer(issue(other), here)],
    ['a server', proveBalancer(issue(authority, { uri: serverUri('production', 'g2'), purpose: 'server' }), here)],
    ['a certificate that has ended', proveBalancer(issue(authority, { until: Date.now() - 1000 }), here)],
    ['a certificate alone', certificate],
    ['the signature of another key', `${certificate} ${byOther}`],
    ['a signature alone', ` ${signature}`],
    ['nothing', ''],
    ['something long', 'A'.repeat(1_000_000)],
  ] as const)
    t.equal(knows(claim), false, what);
  environment = 'staging';
  t.equal(knows(proof), false, 'the server has moved');
  for (let number = 0; number < 1000; number++) knows(`${number}`);
  t.equal(knows(proveBalancer(own, { ...here, environment })), true, 'after many claims of others');
  stop();
});
