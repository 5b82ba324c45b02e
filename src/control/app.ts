import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyTypeProvider, RawServerDefault } from 'fastify';
import type { Logger } from 'pino';
import type * as z from 'zod';
import type { Access } from '../model/access.ts';
import type { Clock } from '../model/clock.ts';
import type { LiveView } from '../model/live.ts';
import type { Registry } from '../registry/contract.ts';

/**
 * Routes are typed by their zod schemas: a handler gets the checked value, and sends what the schema reads, since answers are
 * written for people and programs alike (durations as text).
 */
interface ZodTypes extends FastifyTypeProvider {
  validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown;
  serializer: this['schema'] extends z.ZodType ? z.input<this['schema']> : unknown;
}

/** The admin API's application, as its routes see it. */
export type ControlApp = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, Logger, ZodTypes>;

/** What routes work on. */
export interface ControlContext {
  readonly registry: Registry;
  readonly live: LiveView;
  readonly clock: Clock;
  readonly version: string;
  /** Lines of the access log that could not be kept, since the start. */
  readonly accessLogDropped: () => number;
  /** The control's own address, as configured. */
  readonly listen: string;
}

/** Who may call a route; `monitor` is the admin, or anybody on this machine. */
export type RouteAccess = Access | 'monitor' | 'anyone';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Default: `admin`. */
    access?: RouteAccess;
  }
}
