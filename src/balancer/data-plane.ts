import type { LiveEnvironment, LiveListener, LiveServer } from '../model/live.ts';
import type { Listener, ListenerSettings } from '../proxy/contract.ts';
import type { Feedback, TableReader } from './table.ts';

/** What the control side does with an open listener. */
export type OpenedListener = Pick<Listener, 'address' | 'update' | 'close'>;

/** Opens a listener; rejects with the system's error if the address cannot be had. */
export type OpenListener = (address: string, settings: ListenerSettings) => Promise<OpenedListener>;

/** The side of a balancer that carries traffic by the table it is told: in this process (`LocalDataPlane`) or in others (`WorkerDataPlane`). */
export interface DataPlane extends TableReader {
  /** Opens a listener whose requests go by the table. */
  open: OpenListener;
  /** Whether there is anybody to carry it. */
  readonly serving: boolean;
  /** Servers of all environments, with what all traffic since their arrival adds up to. */
  servers(): LiveServer[];
  environments(): LiveEnvironment[];
  listeners(): LiveListener[];
  /** After the listeners were closed: nothing of it runs any more. */
  close(): Promise<void>;
}

/** Starts a traffic side, which tells how servers fare. */
export type StartDataPlane = (feedback: Feedback) => DataPlane;
