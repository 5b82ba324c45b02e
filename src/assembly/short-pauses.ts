import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/**
 * Keeps the pauses for garbage collection short. What is alive among young objects is copied in such a pause: the room for them does not grow from the time
 * when this module is loaded, which should therefore be the first one: under load the room never shrinks again. One thread copies: those that help would have to
 * wait for processors that other processes use, and traffic for the helpers. For the same reason this thread frees the octets of buffers itself: a
 * collection waits until those of the one before are freed. V8 reads the flags for each collection.
 */
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--no-parallel-scavenge');
setFlagsFromString('--no-concurrent-array-buffer-sweeping');

/** Octets of the room while many requests are in flight; V8 begins with a quarter of that. */
const roomUnderLoad = 4 * 1024 * 1024;
/** Connections from which on requests in flight fill so much of the room that each collection copies most of it. */
const manyConnections = 100;
/** Share of the time for which a process that is busy uses a processor. */
const busyShare = 1 / 4;
/** Objects that fill a small part of the room. */
const batch = 1000;

let isShort = true;

/** Lets the pauses become longer and fewer, as V8 has it: for a process without traffic, where the work as a whole matters and not its longest pause. */
export function allowLongPauses(): void {
  isShort = false;
  setFlagsFromString('--semi-space-growth-factor=2');
  setFlagsFromString('--parallel-scavenge');
  setFlagsFromString('--concurrent-array-buffer-sweeping');
}

/**
 * Has this thread alone look for the old objects that are alive, in steps: helping threads that look for all of them at once keep traffic from the
 * processors for 20 ms and more. For processes that hold little: the steps are longer where thousands of servers are known. To be called right after a full
 * collection, in the same turn: V8 of Node.js 20 crashes if that changes while it looks.
 */
export function markAlone(): void {
  setFlagsFromString('--no-concurrent-marking');
}

/**
 * Makes the room for young objects larger while a process with many connections is busy. The requests in flight are alive at each collection, so that the pauses
 * stay as they are: there are fewer of them. V8 takes the room back when the process has nothing to do.
 */
export function makeRoomUnderLoad(connections: { readonly open: number }, everyMs = 1000): void {
  let before = process.cpuUsage();
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    const isBusy = user + system > everyMs * 1000 * busyShare;
    if (isShort && isBusy && connections.open >= manyConnections && room() < roomUnderLoad) grow();
  }, everyMs);
  timer.unref();
}

/** Objects that are still alive are the only reason for which V8 makes the room larger. */
function grow(): void {
  setFlagsFromString(`--semi-space-growth-factor=${Math.ceil(roomUnderLoad / room())}`);
  const alive: object[] = [];
  for (let batches = 0; batches < 100 && room() < roomUnderLoad; batches++)
    for (let index = 0; index < batch; index++) alive.push({ index });
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Octets of the room, counted without its second half, into which objects are copied. */
function room(): number {
  return (getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')?.space_size ?? 0) / 2;
}
