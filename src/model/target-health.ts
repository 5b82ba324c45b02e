import * as z from 'zod';
import type { HealthSpec } from './environment.ts';
import { checkHost, checkPath, statusRange } from './health-fields.ts';
import type { Immutable } from './immutable.ts';
import { count, duration } from './quantity.ts';
import { writtenTime } from './route-tuning.ts';

const someTime = writtenTime.refine((text) => text === undefined || duration.safeParse(text).data !== 0, 'must be more than 0');

/** Health checks of a target's URLs. Times are kept as written, since stored projects are read by this schema again. */
export const targetHealth = z.strictObject({
  path: checkPath.optional().meta({
    description:
      "path of the GET request at the host of each URL; the URL's own path is not put before it. Not given, and empty: a successful connection is enough, TLS included",
  }),
  host: checkHost.optional().meta({ description: "Host of the check's request. Not given: that of the URL" }),
  interval: someTime.meta({ title: 'time', description: 'time between two checks of a URL, ±10 % at random. Not given: 5s' }),
  timeout: someTime.meta({ title: 'time', description: 'time for the response, then the check has failed. Not given: 2s' }),
  rise: z.int().min(1).optional().meta({ description: 'consecutive checks that must pass before a URL that is down is up. Not given: 2' }),
  fall: z.int().min(1).optional().meta({ description: 'consecutive checks that must fail before a URL is down. Not given: 3' }),
  expect: statusRange.optional().meta({ description: 'statuses of a passed check, for example 200 or 200-299,304. Not given: 200-399' }),
});

/** Rules for the ejection of a target's URLs whose requests fail. */
export const targetOutlier = z.strictObject({
  consecutiveFailures: count.optional().meta({
    description:
      'consecutive failures (no connection, no response in time, a broken or invalid response, a 5xx status) after which a URL is ejected; 0: never. Not given: 5',
  }),
  baseEjection: writtenTime.meta({
    title: 'time',
    description: 'duration of the first ejection; the n-th ejection lasts n times as long. Not given: 30s',
  }),
  maxEjection: writtenTime.meta({ title: 'time', description: 'maximum duration of an ejection. Not given: 300s' }),
  maxEjectedPercent: z.int().min(0).max(100).optional().meta({
    title: 'percent',
    description:
      'percentage of the URLs that may be ejected at the same time; a target with one URL needs 100. While all are out, the failover target gets the requests. Not given: 50',
  }),
});

/** The checks of a target as a prober makes them. */
export function checksOf(written: Immutable<z.output<typeof targetHealth>>): HealthSpec {
  const { path = '', host = '', interval = '5s', timeout = '2s', rise = 2, fall = 3, expect = '200-399' } = written;
  return { path, host, port: 0, tls: false, interval: duration.parse(interval), timeout: duration.parse(timeout), rise, fall, expect };
}

/** The rules with times in milliseconds. */
export function ejectionRulesOf(written: Immutable<z.output<typeof targetOutlier>>) {
  const { consecutiveFailures = 5, baseEjection = '30s', maxEjection = '300s', maxEjectedPercent = 50 } = written;
  return {
    consecutiveFailures,
    baseEjection: duration.parse(baseEjection),
    maxEjection: duration.parse(maxEjection),
    maxEjectedPercent,
  };
}
