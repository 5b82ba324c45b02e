import type { BalanceName } from '../model/environment.ts';
import type { PickerFactory } from './contract.ts';
import { ewma } from './ewma.ts';
import { hash } from './hash.ts';
import { leastConnections } from './least-connections.ts';
import { randomTwo } from './random-two.ts';
import { roundRobin } from './round-robin.ts';

/** All balancing algorithms, by their names in the configuration. */
export const pickers: Readonly<Record<BalanceName, PickerFactory>> = {
  'round-robin': roundRobin,
  'least-connections': leastConnections,
  'random-two': randomTwo,
  ewma,
  hash,
};
