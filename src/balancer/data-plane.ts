import type { LiveEnvironment, LiveListener, LiveServer } from '../model/live.ts';
import type { Listener, ListenerSettings } from '../proxy/contract.ts';
import type { Feedback } from './feedback.ts';
import type { TableReader } from './table.ts';

/** An open listener, as the balancer's control side uses it. */
export type OpenedListener = Pick<Listener, 'address' | 'update' | 'close'>;

/**
 * Opens a listener; rejects with the system's error if the address cannot be bound. `beside`: while another listener of this balancer, on
 * an address that overlaps, is open.
 */
export type OpenListener = (address: string, settings: ListenerSettings, beside?: boolean) => Promise<OpenedListener>;

/** Carries the traffic of a balancer by the tables it is given: in this process (`LocalDataPlane`) or in worker processes (`WorkerDataPlane`). */
export interface DataPlane extends TableReader {
  /** Opens a listener whose requests are routed by the tables. */
  open: OpenListener;
  /** True while some process can carry traffic. */
  readonly serving: boolean;
  /** Servers of all environments, with the sums of all counts since each server appeared. */
  servers(): Iterable<LiveServer>;
  serversNamed(id: string): LiveServer[];
  environments(): LiveEnvironment[];
  listeners(): LiveListener[];
  /** Stops timers and worker processes; called after the listeners were closed. */
  close(): Promise<void>;
}

/** Starts the data plane; it reports failing servers through `feedback`. */
export type StartDataPlane = (feedback: Feedback) => DataPlane;
