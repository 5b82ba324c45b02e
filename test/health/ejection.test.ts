import t from 'tap';
import { Ejection, mayEject } from '../../src/health/ejection.ts';

const settings = { consecutiveFailures: 3, baseEjection: 1000, maxEjection: 2500, maxEjectedPercent: 50 };

t.test('each ejection lasts longer, up to a limit; time without ejections makes the next one shorter', async (t) => {
  const ejection = new Ejection();
  t.notOk(ejection.ejected(0));
  t.equal(ejection.eject(settings, 0), 1000);
  t.ok(ejection.ejected(999));
  t.notOk(ejection.ejected(1000));
  t.equal(ejection.eject(settings, 1000), 2000);
  t.equal(ejection.eject(settings, 3000), 2500, 'the limit');
  t.equal(ejection.eject(settings, 5500), 2500);
  // Three base periods without an ejection after 8000 leave one of four.
  t.equal(ejection.eject(settings, 11_000), 2000);
  t.equal(ejection.eject(settings, 1_000_000), 1000, 'all forgotten');
});

t.test('never ejects more than the percentage of the servers', async (t) => {
  t.notOk(mayEject(0, 1, 50), 'the only server stays');
  t.ok(mayEject(0, 2, 50));
  t.notOk(mayEject(1, 2, 50));
  t.notOk(mayEject(1, 3, 50));
  t.ok(mayEject(4, 10, 50));
  t.notOk(mayEject(5, 10, 50));
  t.notOk(mayEject(0, 100, 0));
  t.ok(mayEject(99, 100, 100));
});
