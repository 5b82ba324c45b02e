import { test } from 'tap';
import { gatewayEnvironment } from '../../src/assembly/gateway-environment.ts';

test("a gateway server gets no setting and no secret of its balancer's environment", async (t) => {
  const own = {
    PATH: '/bin',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
    SLUICE_HEADER_BYTES: '65536',
    SLUICE_ADMIN_TOKEN: 'secret-1',
    SLUICE_CONTROL_TOKENS_ADMIN: 'secret-2',
    sluice_admin_token: 'secret-3',
    SLUICE_JOIN_TOKEN: 'secret-4',
    SLUICE_REGISTRY_URL: 'redis://:secret-5@127.0.0.1',
    SLUICE_SECRET_KEY: 'secret-6',
    SLUICE_TOKEN: 'secret-7',
  };
  t.strictSame(gatewayEnvironment(own, 'the-join-token'), {
    PATH: '/bin',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
    SLUICE_HEADER_BYTES: '65536',
    SLUICE_JOIN_TOKEN: 'the-join-token',
    SLUICE_LOG_LEVEL: 'warn',
  });
});
