import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the pauses for garbage collection short, in a process that carries traffic beside other work. What is alive among young objects is copied in such a
 * pause: the room for them does not grow any more. One thread copies: those that help would have to wait for processors that other processes use, and traffic
 * for the helpers. Both are read anew for each collection, so that they can be set while the program runs.
 */
export function shortenPauses(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--no-parallel-scavenge');
}
