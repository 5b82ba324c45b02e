import * as z from 'zod';
import type { Immutable } from './immutable.ts';
import { targetTls } from './outgoing-tls.ts';
import { weight } from './quantity.ts';
import { targetRetries, targetTimeouts } from './route-tuning.ts';
import { targetHealth, targetOutlier } from './target-health.ts';

/** An `http(s)` URL. One with `${variables.x}` in it is checked later, when the variables are known. */
const targetUrl = z.string().refine((text) => text.includes('${') || isTargetUrl(text), {
  message: 'must be an http:// or https:// URL without query or fragment, for example http://127.0.0.1:9201/api',
});

/** True if requests can be sent to `text`, a URL in which all variables are replaced. */
export function isTargetUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (
    /^https?:$/.test(url.protocol) &&
    url.hostname !== '' &&
    url.search === '' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === ''
  );
}

/** Upstream of a project: one URL or several, with failover, timeouts and TLS settings. */
export const target = z
  .strictObject({
    url: targetUrl
      .optional()
      .meta({ description: 'where requests are sent: an http:// or https:// URL, which may contain ${variables.NAME}' }),
    urls: z
      .array(
        z.strictObject({
          url: targetUrl.meta({ description: 'one of the URLs that requests are sent to' }),
          weight: weight.default(1).meta({ description: 'share of requests relative to the other weights; 0: none' }),
        }),
      )
      .min(1)
      .optional()
      .meta({ description: 'several URLs with weights, instead of url' }),
    failover: z.string().optional().meta({
      description: 'name of the target that takes over when no URL of this target can be reached. It may have a failover as well',
    }),
    timeouts: targetTimeouts.optional().meta({ description: 'time limits for each step of an exchange with the target' }),
    health: targetHealth.optional().meta({
      description:
        'health checks of every URL, made while the project is served. A URL that is down gets no requests while another URL, or the failover target, is well; if none is, health is ignored. Not given: none',
    }),
    outlier: targetOutlier.optional().meta({
      description: 'ejection of URLs whose requests fail: such a URL gets no requests for a while, as if it were down. Not given: none',
    }),
    retries: targetRetries.optional().meta({ description: 'when a request is sent to the target again' }),
    tls: targetTls.optional().meta({
      description: 'TLS settings for https:// URLs. Not given: the certificate is checked as browsers do, and none is shown to the target',
    }),
  })
  // Also if another part is invalid, so that all faults are reported together.
  .refine((given) => !(given instanceof Object) || (given.url === undefined) !== (given.urls === undefined), {
    message: 'needs either url or urls',
    when: () => true,
  });

export type Target = Immutable<z.output<typeof target>>;
