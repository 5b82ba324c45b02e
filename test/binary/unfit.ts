import { spawnSync } from 'node:child_process';

const probes = {
  /** A process in its own PID namespace, as in a container. */
  unshare: [['unshare', '--pid', '--fork', '--kill-child', 'true']],
  /** Python receives what systemd-notify sends: Node.js has no Unix datagram sockets. */
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

/** Reason why a scenario cannot run on this machine; false if it can. */
export function unfit(scenario: keyof typeof probes): string | false {
  const missing = probes[scenario].find(([file, ...args]) => spawnSync(file as string, args, { stdio: 'ignore' }).status !== 0);
  return missing === undefined ? false : `this fails here: ${missing.join(' ')}`;
}
