import { test } from 'tap';
import { Binary, noBinary } from './binary.ts';
import { notifications } from './notifications.ts';
import { earlySignal } from './signals.ts';
import { underSystemd } from './systemd.ts';
import { unfit } from './tools.ts';

test('one file gets along with whoever starts it', { timeout: 120_000, skip: noBinary ?? false }, async (t) => {
  const binary = await Binary.build(t);
  await t.test('the first process of a container can be stopped while it starts', { skip: unfit('unshare') }, (t) =>
    earlySignal(t, binary),
  );
  await t.test('the service manager is told how things stand', { skip: unfit('notifications') }, (t) => notifications(t, binary));
  await t.test('docs/install.md can be followed, with a real systemd', { skip: unfit('systemd') }, (t) => underSystemd(t, binary));
});
