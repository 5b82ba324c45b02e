import type { ServerAnswer } from '../../src/api/answers.ts';

/** Two snapshots of an environment; `two` is the later one. */
export const one = { epoch: 'e', version: 1, hash: 'one' };
export const two = { epoch: 'e', version: 2, hash: 'two' };

/** A healthy server of production that runs `one`. */
export const server: ServerAnswer = {
  id: 'a',
  instance: 'i',
  environment: 'production',
  address: '127.0.0.1:1',
  weight: 1,
  state: 'ready',
  health: 'up',
  source: 'join',
  version: '1',
  running: one,
  projects: [],
  active: 0,
  requests: 0,
  serverErrors: 0,
  targetErrors: 0,
  startedAt: 0,
  lastSeen: 0,
};

/** A project whose newest revision the server rejected; it still serves revision 1. */
export const rejected = { name: 'echo', revision: 1, state: 'rejected' as const, error: 'no such policy' };
