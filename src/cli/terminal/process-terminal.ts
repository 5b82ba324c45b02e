import { once } from 'node:events';
import type { WriteStream } from 'node:tty';
import type { Stop, Surface, Terminal } from './terminal.ts';

/** Of a terminal that does not say how large it is, as over a serial line. */
const unknownSize = { columns: 80, rows: 24 };
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The process' own. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  const stopListeners = new Set<(why: Stop) => void>();
  const stop = (why: Stop) => {
    for (const listener of [...stopListeners]) listener(why);
  };
  const interrupt = () => stop('interrupted');
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read has gone, as `head` does: nothing to complain of.
    if (error.code !== 'EPIPE') {
      stderr.write(`error: cannot write to standard output (${error.code ?? error.message})\n`);
      process.exitCode = 1;
    }
    stop('unread');
  });
  // Nowhere is left to complain to.
  stderr.on('error', () => undefined);
  let colours = { out: colourful(stdout, env), err: colourful(stderr, env) };
  return {
    out: (line) => void stdout.write(`${line}\n`),
    err: (line) => void stderr.write(`${line}\n`),
    get columns() {
      return stdout.isTTY ? stdout.columns || unknownSize.columns : undefined;
    },
    get colours() {
      return colours;
    },
    plain() {
      colours = { out: false, err: false };
    },
    surface: { out: surfaceOf(stdout, env), err: surfaceOf(stderr, env) },
    onKey: listenToKeys,
    onStop(listener) {
      // Otherwise signals do what they always do: end the process at once.
      if (stopListeners.size === 0) for (const signal of stopSignals) process.on(signal, interrupt);
      stopListeners.add(listener);
      return () => {
        stopListeners.delete(listener);
        if (stopListeners.size === 0) for (const signal of stopSignals) process.off(signal, interrupt);
      };
    },
    async suspend() {
      const resumed = once(process, 'SIGCONT');
      process.kill(0, 'SIGTSTP');
      await resumed;
    },
    env,
  };
}

/** As no-color.org and force-color.org ask; otherwise on terminals that can. */
export function colourful(stream: Pick<WriteStream, 'isTTY'>, env: Readonly<Record<string, string | undefined>>): boolean {
  if (env['NO_COLOR']) return false;
  if (env['FORCE_COLOR']) return !/^(0|false)$/.test(env['FORCE_COLOR']);
  return stream.isTTY && env['TERM'] !== 'dumb';
}

function surfaceOf(stream: WriteStream, env: Readonly<Record<string, string | undefined>>): Surface | undefined {
  if (!stream.isTTY || env['TERM'] === 'dumb') return undefined;
  return {
    write: (text) => void stream.write(text),
    get columns() {
      return stream.columns || unknownSize.columns;
    },
    get rows() {
      return stream.rows || unknownSize.rows;
    },
    onResize(listener) {
      stream.on('resize', listener);
      return () => void stream.off('resize', listener);
    },
  };
}

function listenToKeys(listener: (key: string) => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => undefined;
  const hear = (bytes: Buffer) => {
    const text = bytes.toString('latin1');
    // An arrow and the like: its letters are no keys.
    if (text.length > 1 && text.startsWith('\u001b')) listener(text);
    else for (const key of text) listener(key);
  };
  stdin.setRawMode(true);
  stdin.on('data', hear);
  stdin.resume();
  return () => {
    stdin.off('data', hear);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
