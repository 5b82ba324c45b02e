import type { ServerAnswer } from '../../src/api/answers.ts';

/** Two states of an environment, the second one later. */
export const one = { epoch: 'e', version: 1, hash: 'one' };
export const two = { epoch: 'e', version: 2, hash: 'two' };

/** A server as the API shows it: in production, it runs `one`, and all is well. */
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
  startedAt: 0,
  lastSeen: 0,
};

/** One of its projects whose newest revision it refused: the first goes on. */
export const rejected = { name: 'echo', revision: 1, state: 'rejected' as const, error: 'no such policy' };
