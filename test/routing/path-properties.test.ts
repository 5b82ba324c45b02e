import t from 'tap';
import { checkPaths } from '../fuzz/paths/properties.ts';

t.test('policies saw what lenient targets read, for every spelling of a path', async (t) => {
  // `node --import=tsx test/fuzz/paths/run.ts RUNS SEED` checks more; a failure names its seed and the smallest target.
  checkPaths({ runs: 20_000, seed: 1_270_001 });
  t.pass('nginx, WSGI, servlet containers, Node.js, Go and Windows read nothing that policies did not see');
});
