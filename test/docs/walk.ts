import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

const program = fileURLToPath(new URL('../../dist/sluice.mjs', import.meta.url));

/** What a page calls programs that a walk must not, or cannot everywhere, take as they are. */
const standIns = {
  first: {
    npm: `#!/bin/sh\n[ "$*" = start ] || exit 2\nexec "${process.execPath}" "${program}" up\n`,
    npx: `#!/bin/sh\n[ "$1" = sluice ] || exit 2\nshift\nexec "${process.execPath}" "${program}" "$@"\n`,
  },
  // Node is all that has to be there; -s, and -i before the URL, are all that the pages use.
  last: {
    curl: `#!${process.execPath}
const url = process.argv.at(-1);
fetch(url).then(async (response) => {
  if (process.argv.slice(2, -1).some((flag) => flag.includes('i'))) for (const [name, value] of response.headers) console.log(name + ': ' + value);
  process.stdout.write(await response.text());
});
`,
  },
};

/** Somebody who follows a page with a fresh folder: `sluice up` and what joins it, on free ports. */
export class Walk {
  readonly folder: string;
  readonly #path: string;
  readonly #running: ChildProcess[] = [];
  /** What the page says to what it is here. */
  readonly #addresses: [written: string, real: string][];
  #control = '';

  /** @param addresses further ones that the page names and that are elsewhere here */
  constructor(t: Test, addresses: Readonly<Record<string, string>> = {}) {
    this.#addresses = Object.entries(addresses);
    this.folder = mkdtempSync(join(tmpdir(), 'sluice-walk-'));
    const [first, last] = Object.entries(standIns).map(([name, scripts]) => {
      const folder = join(this.folder, `.${name}`);
      mkdirSync(folder);
      for (const [script, text] of Object.entries(scripts)) {
        writeFileSync(join(folder, script), text);
        chmodSync(join(folder, script), 0o755);
      }
      return folder;
    });
    this.#path = `${first}:${process.env['PATH']}:${last}`;
    t.teardown(async () => {
      for (const child of this.#running) signal(child, 'SIGKILL');
      await Promise.all(this.#running.map(gone));
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** Runs what ends by itself; rejects unless every command of it succeeds. */
  async run(commands: string): Promise<string> {
    const child = this.#spawn(commands);
    const output = { out: '', err: '' };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.out += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.err += text));
    const [status] = await once(child, 'close');
    if (status !== 0) throw new Error(`status ${status} from:\n${commands}\n${output.err}${output.out}`);
    return this.#asWritten(output.out);
  }

  /** Starts what keeps running; settles with what it printed when it has done what it is started for. */
  async start(command: string): Promise<string> {
    const child = this.#spawn(command);
    this.#running.push(child);
    let printed = '';
    let complaints = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaints += text));
    const ended = once(child, 'close').then(() => {
      throw new Error(`ended at once: ${command}\n${printed}${complaints}`);
    });
    ended.catch(() => {});
    const id = / --id (\S+)/.exec(command)?.[1];
    if (id !== undefined) await Promise.race([this.#joined(id), ended]);
    else {
      const ready = new Promise<void>((resolve) => {
        child.stdout?.setEncoding('utf8').on('data', (text: string) => {
          printed += text;
          if (printed.includes('Ctrl-C')) resolve();
        });
      });
      await Promise.race([ready, ended]);
      this.#meet(printed);
    }
    return this.#asWritten(printed);
  }

  /** Ctrl-C in every terminal, in that of `sluice up` last; settles when nothing runs any more. */
  async stop(): Promise<void> {
    const [first, ...joined] = this.#running;
    for (const terminals of [joined, first === undefined ? [] : [first]]) {
      for (const child of terminals) signal(child, 'SIGINT');
      await Promise.all(terminals.map(gone));
    }
  }

  /** Where `sluice up` says that it is. */
  #meet(banner: string): void {
    const traffic = /curl http:\/\/([\d.:]+)\//.exec(banner)?.[1] ?? '';
    this.#control = /--join http:\/\/([\d.:]+)/.exec(banner)?.[1] ?? '';
    this.#addresses.push(['127.0.0.1:8080', traffic], ['127.0.0.1:9000', this.#control]);
  }

  async #joined(id: string): Promise<void> {
    const authorization = `Bearer ${readFileSync(join(this.folder, 'data/admin.token'), 'utf8').trim()}`;
    for (;;) {
      const response = await fetch(`http://${this.#control}/v1/servers`, { headers: { authorization } });
      const servers = (await response.json()) as { id: string; state: string; health: string }[];
      const found = servers.find((server) => server.id === id);
      if (found?.state === 'available' || (found?.state === 'ready' && found.health === 'up')) return;
    }
  }

  #spawn(written: string): ChildProcess {
    let commands = written;
    for (const [from, to] of this.#addresses) commands = commands.replaceAll(from, to);
    return spawn('/bin/sh', ['-ec', commands], {
      cwd: this.folder,
      // Of its own group, as a shell's jobs are.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: this.#path,
        SLUICE_LOG_LEVEL: 'info',
        SLUICE_CONTROL_LISTEN: '127.0.0.1:0',
        SLUICE_ENVIRONMENTS_PRODUCTION_LISTEN: '127.0.0.1:0',
        ...(this.#control !== '' && { SLUICE_CONTROL: `http://${this.#control}` }),
      },
    });
  }

  #asWritten(output: string): string {
    return this.#addresses.reduce((text, [written, real]) => text.replaceAll(real, written), output);
  }
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    process.kill(-(child.pid as number), name);
  } catch {
    // It has ended already.
  }
}

/** Settles when a shell and all that it started have closed their output. */
async function gone(child: ChildProcess): Promise<void> {
  if (child.stdout?.closed && child.stderr?.closed) return;
  await once(child, 'close');
}
