import { spawnSync } from 'node:child_process';

const probes = {
  /** A process of its own space of process ids, as containers have. */
  unshare: [['unshare', '--pid', '--fork', '--kill-child', 'true']],
  /** Node.js cannot receive what systemd-notify sends. */
  notifications: [
    ['systemd-notify', '--version'],
    ['python3', '--version'],
  ],
  systemd: [
    ['unshare', '--mount', '--pid', '--net', '--fork', '--mount-proc', 'test', '-x', '/usr/lib/systemd/systemd'],
    ['ip', '-V'],
    ['openssl', 'version'],
    ['systemctl', '--version'],
  ],
  verify: [['systemd-analyze', '--version']],
} satisfies Record<string, readonly (readonly [string, ...string[]])[]>;

/** Why a scenario cannot run on this machine; false where it can. */
export function unfit(scenario: keyof typeof probes): string | false {
  const missing = probes[scenario].find(([file, ...args]) => spawnSync(file as string, args, { stdio: 'ignore' }).status !== 0);
  return missing === undefined ? false : `cannot be run here: ${missing.join(' ')}`;
}
