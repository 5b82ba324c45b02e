import { test } from 'tap';
import { environmentSpec } from '../../src/model/environment.ts';
import { settingsOrigins } from '../../src/model/settings-origins.ts';

const written = {
  listen: '127.0.0.1:8443',
  hosts: ['api.example.com'],
  tls: { acme: { email: 'ops@example.com' }, redirectFrom: '127.0.0.1:8080' },
};

test('defaults within a part that the file names count as unchanged', async (t) => {
  t.strictSame(settingsOrigins(environmentSpec.parse(written), written), {
    listen: 'file',
    hosts: 'file',
    'tls.acme.email': 'file',
    'tls.redirectFrom': 'file',
  });
});

test('a setting that an operator changed within such a part comes from the API', async (t) => {
  const spec = environmentSpec.parse({ ...written, tls: { ...written.tls, hsts: '1h' } });
  t.match(settingsOrigins(spec, written), { 'tls.redirectFrom': 'file', 'tls.hsts': 'api' });
  t.match(settingsOrigins(spec, { listen: written.listen }), { 'tls.redirectFrom': 'api', 'tls.hsts': 'api' });
});
