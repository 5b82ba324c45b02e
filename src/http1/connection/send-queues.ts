import { readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** Linux lists its TCP sockets here, each with the octets that its peer has not acknowledged. */
const lists = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];
/** Columns of such a list. */
const queuesColumn = 4;
const inodeColumn = 9;

/**
 * Octets in the kernel's send queues: sent, but not acknowledged by the peer. Node.js has no call for it (SIOCOUTQ), so Linux's list of all
 * sockets is read, outside the event loop and at most once at a time. Other systems have no such list, and no answer.
 */
class SendQueues {
  #reading: Promise<ReadonlyMap<string, number>> | undefined;
  #readAt = 0;

  /** Octets in the send queue of descriptor `fd`; undefined if that is not known. @param maxAgeMs greatest age of the answer */
  async of(fd: number, maxAgeMs: number): Promise<number | undefined> {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
      if (inode === undefined) return undefined;
      if (this.#reading === undefined || performance.now() - this.#readAt > maxAgeMs) {
        this.#reading = readQueues();
        this.#readAt = performance.now();
      }
      return (await this.#reading).get(inode) ?? 0;
    } catch {
      return undefined;
    }
  }
}

/** Reads the lengths of the queues that are not empty, by the inode of their socket. */
async function readQueues(): Promise<Map<string, number>> {
  const queues = new Map<string, number>();
  for (const list of lists) {
    const text = await readFile(list, 'latin1').catch((error: NodeJS.ErrnoException) => {
      // A kernel without IPv6 has only the first list.
      if (list !== lists[0] && error.code === 'ENOENT') return '';
      throw error;
    });
    for (const line of text.split('\n')) {
      const columns = line.trim().split(/ +/);
      const unacknowledged = Number.parseInt(columns[queuesColumn] ?? '', 16);
      if (unacknowledged > 0) queues.set(columns[inodeColumn] ?? '', unacknowledged);
    }
  }
  return queues;
}

/** The process-wide instance. */
export const sendQueues = new SendQueues();
