import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { Condition } from '../tools/condition.ts';
import { ownFolder } from '../tools/own-folder.ts';
import type { Owner } from '../tools/owner.ts';
import { SluiceProcess } from '../tools/sluice-process.ts';
import { adminToken, joinToken, onFreePorts } from '../tools/sluice-under-test.ts';
import type { Binary } from './binary.ts';

/** Prints every datagram as one line of JSON. Closes the descriptors that come with it: systemd-notify waits for that. */
const receiver = `
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('"bound"', flush=True)
while True:
    data, ancillary, *_ = socket.recv_fds(s, 65536, 8)
    for fd in ancillary: os.close(fd)
    print(json.dumps(data.decode()), flush=True)
`;

/** Receives notifications as a service manager does. */
class Manager {
  readonly messages: string[] = [];
  readonly socket: string;
  readonly #received = new Condition();

  private constructor(socket: string, child: ChildProcess) {
    this.socket = socket;
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.messages.push(JSON.parse(line));
      this.#received.notify();
    });
  }

  static async start(t: Owner): Promise<Manager> {
    const socket = join(ownFolder(t), 'notify');
    const child = spawn('python3', ['-c', receiver, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    const manager = new Manager(socket, child);
    await manager.until(/^bound$/);
    return manager;
  }

  /** Resolves with the first message, from index `from` on, that matches. */
  until(pattern: RegExp, from = 0): Promise<string> {
    return this.#received.until(() => this.messages.slice(from).find((message) => pattern.test(message)), {
      what: `a notification with ${pattern}`,
      seen: () => this.messages,
    });
  }
}

/** Environment variables of a process under a service manager, with the tokens. */
function under(manager: Manager, watchdogMs = 0): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    NOTIFY_SOCKET: manager.socket,
    ...(watchdogMs > 0 && { WATCHDOG_USEC: String(watchdogMs * 1000) }),
    SLUICE_ADMIN_TOKEN: adminToken,
    SLUICE_JOIN_TOKEN: joinToken,
    SLUICE_SHUTDOWN_GRACE: '5s',
  };
}

/** sd_notify(3), as systemd would receive it. */
export async function notifications(t: Test, binary: Binary): Promise<void> {
  await t.test('of a balancer, through a reload, a refused reload and its end', async (t) => {
    const manager = await Manager.start(t);
    const folder = ownFolder(t);
    const file = join(folder, 'sluice.yaml');
    const good = 'control: { listen: 127.0.0.1:0 }\nworkers: 1\nenvironments: { production: { listen: 127.0.0.1:0 } }\n';
    writeFileSync(file, good);
    const balancer = SluiceProcess.start(t, ['serve', '--config', file], { folder, program: binary.file, env: under(manager, 900) });
    const ready = await manager.until(/^READY=1\n/);
    const { listen } = await balancer.logged((line) => line.msg === 'serving');
    t.match(ready, `READY=1\nSTATUS=Serving production on ${listen}; control at http://127.0.0.1:`);
    t.match(manager.messages[1], /^STATUS=Starting/);
    t.equal(await manager.until(/WATCHDOG/), 'WATCHDOG=1');

    let from = manager.messages.length;
    balancer.signal('SIGHUP');
    t.match(await manager.until(/RELOADING/, from), /^RELOADING=1\nMONOTONIC_USEC=\d{6,}\nSTATUS=/);
    t.equal(await manager.until(/READY/, from), ready);

    from = manager.messages.length;
    writeFileSync(file, good.replace('workers', 'workerz'));
    balancer.signal('SIGHUP');
    await manager.until(/RELOADING/, from);
    t.match(await manager.until(/READY/, from), `${ready}; the changed configuration was refused`);

    const { pid } = await balancer.logged((line) => line.msg === 'worker ready');
    t.notMatch(readFileSync(`/proc/${pid}/environ`, 'latin1'), /NOTIFY_SOCKET|WATCHDOG/, 'workers do not notify');
    balancer.signal('SIGTERM');
    t.match(await manager.until(/STOPPING/), /^STOPPING=1\n/);
    t.equal(await balancer.ended(), 0);
  });

  await t.test('of a gateway server: ready once it is registered, not before', async (t) => {
    const manager = await Manager.start(t);
    // Answers 503 at the address of the balancer, which starts later.
    const absent = createServer((_request, response) => response.writeHead(503).end()).listen(0, '127.0.0.1');
    await once(absent, 'listening');
    const address = `127.0.0.1:${(absent.address() as AddressInfo).port}`;
    const folder = ownFolder(t);
    const gateway = SluiceProcess.start(t, ['gateway', '--join', `http://${address}`, '--id', 'one'], {
      folder,
      program: binary.file,
      env: under(manager),
    });
    await gateway.logged((line) => line['level'] === 40);
    t.notMatch(manager.messages.join(), /READY/);
    absent.closeAllConnections();
    absent.close();
    await once(absent, 'close');
    const env = {
      ...under(manager),
      NOTIFY_SOCKET: '',
      ...onFreePorts,
      SLUICE_CONTROL_LISTEN: address,
    };
    binary.start(t, ['serve'], folder, env);
    t.match(await manager.until(/READY/), /^READY=1\nSTATUS=Waiting to be added to an environment at 127\.0\.0\.1:\d+$/);
    gateway.signal('SIGTERM');
    t.match(await manager.until(/STOPPING/), /^STOPPING=1\n/);
    t.equal(await gateway.ended(), 0);
  });

  await t.test('without systemd-notify, a balancer logs that once, and works', async (t) => {
    const manager = await Manager.start(t);
    const balancer = binary.start(t, ['serve'], ownFolder(t), { ...under(manager, 60), ...onFreePorts, PATH: '/nonexistent' });
    const complains = (line: { msg?: string }) => /service manager/.test(line.msg ?? '');
    t.match((await balancer.logged(complains))['reason'], /systemd-notify: not found/);
    await balancer.logged((line) => line.msg === 'control');
    balancer.signal('SIGTERM');
    t.equal(await balancer.ended(), 0);
    t.equal(balancer.log.filter(complains).length, 1);
  });
}
