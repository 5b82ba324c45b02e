import { closeSync, openSync } from 'node:fs';
import net from 'node:net';
import { processDescriptors } from '../model/descriptors.ts';
import { lacksRoom } from '../model/shortage.ts';

/** Milliseconds between two looks whether this process can have another descriptor. */
const lookMs = 1000;
/** Idle connections that are closed when it cannot. */
const closedAtOnce = 8;

/**
 * Looks every second whether this process can have another descriptor, which other processes or a lower limit may prevent in spite of the limit of
 * connections. libuv has one in reserve, with which it accepts and closes connections that cannot be served; once that is lost, each failed accept is
 * tried again at once, on a whole processor, and no event tells of it. So idle connections are closed, and libuv gets a descriptor that is kept for it.
 */
export function keepSpareDescriptor(): void {
  let spare = open();
  setInterval(() => {
    const another = open();
    if (another === 'short') {
      for (let closed = 0; closed < closedAtOnce && processDescriptors.makeRoom(true); closed++);
      close(spare);
      spare = undefined;
      // libuv takes its reserve again when a stream is made. This one never connects.
      new net.Socket().connect(1, '127.0.0.1').destroy();
    } else if (spare === undefined) spare = another;
    else close(another);
  }, lookMs).unref();
}

/** Opens a file that every system has; undefined where this one has not. */
function open(): number | 'short' | undefined {
  try {
    return openSync('/dev/null', 'r');
  } catch (error) {
    return lacksRoom(error as Error) ? 'short' : undefined;
  }
}

function close(descriptor: ReturnType<typeof open>): void {
  if (typeof descriptor === 'number') closeSync(descriptor);
}
