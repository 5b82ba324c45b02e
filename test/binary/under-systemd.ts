import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { ownFolder } from '../tools/own-folder.ts';
import { blocksOf, missingFrom } from '../tools/pages.ts';
import { root } from '../tools/source-files.ts';
import type { Binary } from './binary.ts';

/**
 * Script that sets up a machine in its own namespaces: mounts, processes and network disappear with it. It runs a user instance of systemd, so
 * that settings which only the system instance supports are removed from the units.
 */
const machine = `
set -u
ip link set lo up
mkdir scratch && mount -t tmpfs none scratch && mkdir scratch/etc scratch/work
mount -t overlay -o lowerdir=/etc,upperdir=scratch/etc,workdir=scratch/work none /etc || exit 77
for place in /usr/local/bin /var/lib /run; do mount -t tmpfs none $place; done
export XDG_RUNTIME_DIR=/run/user XDG_CONFIG_HOME=/run/config PATH="/usr/local/bin:$PATH"
mkdir -p /run/systemd/system /run/user /run/config/systemd/user /var/lib/sluice /var/lib/sluice-gateway/gw-1 /var/lib/sluice-gateway/gw-2
/usr/lib/systemd/systemd --user --log-level=warning --log-target=console >/dev/null 2>&1 &
tries=0
until systemctl --user show-environment >/dev/null 2>&1; do tries=$((tries + 1)); [ $tries -lt 100 ] || exit 77; sleep 0.1; done
sudo() { "$@"; }
systemctl() {
  for unit in /etc/systemd/system/sluice*; do
    sed -E '/^(DynamicUser|StateDirectory[A-Za-z]*|Protect[A-Za-z]+|Private[A-Za-z]+|RemoveIPC)=/d' "$unit" > "/run/config/systemd/user/$\{unit##*/}"
  done
  command systemctl --user --no-pager "$@"
}
of() { systemctl show "$1" --property "$2" --value; }
# eventually WHAT CHECK SEEN: repeats a check for 30 s.
eventually() {
  tries=0
  until $2; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { echo "waited 30 s for $1; last seen: $($3)" >&2; exit 1; }
    sleep 0.1
  done
}
`;

/** Script that provokes the faults which the page describes. */
const trouble = `
kill -9 $(of sluice-gateway@gw-1 MainPID)
state() { echo "$(of sluice-gateway@gw-1 NRestarts) $(of sluice-gateway@gw-1 ActiveState)"; }
restarted() { [ "$(state)" = "1 active" ]; }
eventually 'one restart of gw-1' restarted state
echo gw-1 was started again
echo 'workerz: 2' >> /etc/sluice/sluice.yaml
systemctl reload sluice 2>/dev/null || echo refused
echo the balancer is $(of sluice ActiveState)
systemctl stop sluice-gateway@gw-1 sluice-gateway@gw-2 sluice
echo stopped with $(of sluice Result) and $(of sluice-gateway@gw-1 Result)
`;

/** Script that ends when every process that carries traffic runs the new file. */
const updated = `
files() { ls -l /proc/[0-9]*/exe 2>/dev/null | grep '/usr/local/bin/sluice'; }
updated() { [ $(files | grep -c '/usr/local/bin/sluice$') -ge 3 ] && [ $(files | grep -c '/usr/local/bin/sluice (deleted)$') = 1 ]; }
eventually 'every process with traffic to run the new file' updated files
readlink /proc/$(of sluice MainPID)/exe
`;

/** Follows docs/install.md literally, with a real systemd, on a machine without Sluice. */
export async function underSystemd(t: Test, binary: Binary): Promise<void> {
  const page = 'docs/install.md';
  const folder = ownFolder(t);
  mkdirSync(join(folder, 'dist'));
  copyFileSync(binary.file, join(folder, 'dist/sluice'));
  symlinkSync(fileURLToPath(new URL('config', root)), join(folder, 'config'));
  const blocks = blocksOf(page);
  for (const { language, role, text } of blocks) if (language === 'yaml') writeFileSync(join(folder, role), text);
  const steps = blocks.filter(({ language, role, text }) => language === 'sh' && role === 'elsewhere' && !/^(?:npm|podman) /m.test(text));
  const commands = steps.map(({ text, line }) => `echo "@ ${line}"\n( set -e\n${text}) || exit 1\n`);
  const script = [machine, ...commands, 'echo "@ updated"', updated, 'echo "@ trouble"', trouble].join('\n');

  const spaces = ['--mount', '--pid', '--net', '--fork', '--kill-child', '--mount-proc'];
  const child = spawn('unshare', [...spaces, 'sh', '-c', script], { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder } });
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  let complaints = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const [status] = await once(child, 'close');
  if (status === 77) return void t.pass('the walk', { skip: 'systemd does not start in this container' });
  t.equal(status, 0, `${page} can be followed`, { said, complaints });

  const printed = new Map(said.split(/^@ /m).map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]));
  for (const { language, role, text, line } of blocks) {
    if (language !== 'text' || role !== 'elsewhere') continue;
    const step = steps.findLast((one) => one.line < line);
    t.equal(missingFrom(printed.get(String(step?.line)) ?? '', text), undefined, `${page}:${line}`, {
      printed: Object.fromEntries(printed),
    });
  }
  t.equal(
    printed.get('updated'),
    '/usr/local/bin/sluice (deleted)\n',
    'only the main process, which carries no traffic, still runs the old file',
  );
  const outcome = 'gw-1 was started again\nrefused\nthe balancer is active\nstopped with success and success\n';
  t.equal(printed.get('trouble'), outcome);
}
