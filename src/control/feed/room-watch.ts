import type { Happening } from '../../api/answers.ts';
import type { LiveListener } from '../../model/live.ts';

/** Milliseconds between two happenings of the same listener. */
const quietMs = 60_000;

/** Notices when a listener has no room for all its clients: idle connections are closed, or new ones refused. */
export class RoomWatch {
  readonly #last = new Map<string, { closedForRoom: number; refused: number; toldAt: number }>();

  /** Compares the counts with those of the last call. @param at wall clock, milliseconds */
  take(at: number, listeners: readonly LiveListener[]): Happening[] {
    const happenings: Happening[] = [];
    for (const { listen, closedForRoom, refused, limit } of listeners) {
      const before = this.#last.get(listen) ?? { closedForRoom: 0, refused: 0, toldAt: Number.NEGATIVE_INFINITY };
      const rose = closedForRoom > before.closedForRoom || refused > before.refused;
      const tells = rose && at - before.toldAt >= quietMs;
      this.#last.set(listen, { closedForRoom, refused, toldAt: tells ? at : before.toldAt });
      if (!tells) continue;
      const text = refused > before.refused ? 'refuses connections' : 'closes idle connections to make room';
      const cause = `${limit === 0 ? 'the limit of connections' : `the limit of ${limit} connections`} is reached: raise the limit of open files or limits.connections`;
      happenings.push({ at, kind: 'balancer', tone: refused > before.refused ? 'bad' : 'warn', subject: listen, text, cause });
    }
    const present = new Set(listeners.map(({ listen }) => listen));
    for (const listen of this.#last.keys()) if (!present.has(listen)) this.#last.delete(listen);
    return happenings;
  }
}
