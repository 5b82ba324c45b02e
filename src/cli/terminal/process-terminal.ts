import { once } from 'node:events';
import type { WriteStream } from 'node:tty';
import type { Stop, Surface, Terminal } from './terminal.ts';

/** Size of a terminal that does not report one, for example over a serial line. */
const unknownSize = { columns: 80, rows: 24 };
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The terminal of this process: standard output, standard error, keyboard, signals, environment variables. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  const stopListeners = new Set<(why: Stop) => void>();
  const stop = (why: Stop) => {
    for (const listener of [...stopListeners]) listener(why);
  };
  const interrupt = () => stop('interrupted');
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has closed the pipe, as `head` does: that is not an error.
    if (error.code !== 'EPIPE') {
      stderr.write(`error: cannot write to standard output (${error.code ?? error.message})\n`);
      process.exitCode = 1;
    }
    stop('unread');
  });
  // A failure of standard error cannot be reported anywhere.
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
    keyboard: process.stdin.isTTY === true,
    onKey: listenToKeys,
    onStop(listener) {
      // Only while there are listeners: otherwise the signals keep their default action and end the process at once.
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

/** True if a stream gets colours: by NO_COLOR and FORCE_COLOR (no-color.org, force-color.org), else if it is a capable terminal. */
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
  const onData = (bytes: Buffer) => {
    const text = bytes.toString('latin1');
    // An escape sequence, such as that of an arrow key, is one key.
    if (text.length > 1 && text.startsWith('\u001b')) listener(text);
    else for (const key of text) listener(key);
  };
  stdin.setRawMode(true);
  stdin.on('data', onData);
  stdin.resume();
  return () => {
    stdin.off('data', onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
