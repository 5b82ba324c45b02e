import { test } from 'tap';
import { Binary, noBinary } from './binary.ts';
import { earlySignal } from './early-signal.ts';
import { notifications } from './notifications.ts';
import { underSystemd } from './under-systemd.ts';
import { unfit } from './unfit.ts';

test('the single executable works under containers and service managers', { timeout: 120_000, skip: noBinary ?? false }, async (t) => {
  const binary = await Binary.build(t);
  await t.test('the first process of a container can be stopped while it starts', { skip: unfit('unshare') }, (t) =>
    earlySignal(t, binary),
  );
  await t.test('the service manager is notified of every state', { skip: unfit('notifications') }, (t) => notifications(t, binary));
  await t.test('docs/install.md can be followed, with a real systemd', { skip: unfit('systemd') }, (t) => underSystemd(t, binary));
});
