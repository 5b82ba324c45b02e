import type { Test } from 'tap';
import type { Grant } from '../../src/model/access.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import type { JoinLimits } from '../../src/registry/remote/join-limits.ts';
import { JoinRefusals } from '../../src/registry/remote/join-refusals.ts';
import { RegistrationEndpoint } from '../../src/registry/remote/registration-endpoint.ts';
import type { FakeClock } from '../tools/fake-clock.ts';
import { silentLogger } from '../tools/fake-logger.ts';
import { mount } from '../tools/mounted.ts';
import { ownFolder } from '../tools/own-folder.ts';

const grants: Readonly<Record<string, Grant>> = {
  'Bearer admin-secret': { access: 'admin' },
  'Bearer join-secret': { access: 'join', token: 'control.tokens.join' },
  'Bearer production-secret': { access: 'join', environment: 'production', token: 'control.tokens.joinFor.production' },
};

/** An endpoint over an embedded registry, with limits that tests set. */
export async function doors(t: Test, clock?: FakeClock) {
  const behind: Registry = await openRegistry({ url: `embedded:${ownFolder(t)}`, logger: silentLogger });
  t.teardown(() => behind.close());
  const limits: { -readonly [key in keyof JoinLimits]: number } = { servers: 0, connections: 0, connectionsPerAddress: 0 };
  const refusals = new JoinRefusals(silentLogger, clock ?? ({ now: () => performance.now() } as never));
  const mounted = new RegistrationEndpoint({
    registry: behind,
    logger: silentLogger,
    grantOf: (header) => grants[header ?? ''],
    limits: () => limits,
    refusals,
    ...(clock && { clock }),
  });
  const served = await mount(t, () => mounted);
  return { ...served, behind, mounted, refusals, limits, clock };
}
