import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { blocksOf, missingFrom } from '../docs/pages.ts';
import { ownFolder } from '../flow/system.ts';
import { root } from '../tools/source-files.ts';
import type { Binary } from './binary.ts';

/**
 * A machine of our own: folders, processes and network are gone with this script. Its systemd is one as for a user; what only the
 * whole machine's can do is taken out of the units.
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
`;

/** What the page says will happen when something goes wrong. */
const trouble = `
kill -9 $(of sluice-gateway@gw-1 MainPID)
until [ "$(of sluice-gateway@gw-1 NRestarts) $(of sluice-gateway@gw-1 ActiveState)" = "1 active" ]; do sleep 0.1; done
echo gw-1 was started again
echo 'workerz: 2' >> /etc/sluice/sluice.yaml
systemctl reload sluice 2>/dev/null || echo refused
echo the balancer is $(of sluice ActiveState)
systemctl stop sluice-gateway@gw-1 sluice-gateway@gw-2 sluice
echo stopped with $(of sluice Result) and $(of sluice-gateway@gw-1 Result)
`;

/** Settles when all that carries traffic is of the file that is there now. */
const updated = `
until fresh=$(ls -l /proc/[0-9]*/exe 2>/dev/null | grep -c '/usr/local/bin/sluice$'); old=$(ls -l /proc/[0-9]*/exe 2>/dev/null | grep -c '/usr/local/bin/sluice (deleted)$')
  [ $fresh -ge 3 ] && [ $old = 1 ]; do sleep 0.1; done
readlink /proc/$(of sluice MainPID)/exe
`;

/** Follows docs/install.md to the word, on a machine with a real systemd and nothing of Sluice on it. */
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
  if (status === 77) return void t.pass('the walk', { skip: 'no systemd comes up in this container' });
  t.equal(status, 0, `${page} can be followed`, { said, complaints });

  const printed = new Map(said.split(/^@ /m).map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]));
  for (const { language, role, text, line } of blocks) {
    if (language !== 'text' || role !== 'elsewhere') continue;
    const step = steps.findLast((one) => one.line < line);
    t.equal(missingFrom(printed.get(String(step?.line)) ?? '', text), undefined, `${page}:${line}`, {
      printed: Object.fromEntries(printed),
    });
  }
  t.equal(printed.get('updated'), '/usr/local/bin/sluice (deleted)\n', 'only the process that carries nothing is still of the old file');
  const outcome = 'gw-1 was started again\nrefused\nthe balancer is active\nstopped with success and success\n';
  t.equal(printed.get('trouble'), outcome);
}
