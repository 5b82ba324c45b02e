import * as z from 'zod';
import type { Immutable } from './immutable.ts';
import { targetTls } from './outgoing-tls.ts';
import { duration, weight } from './quantity.ts';

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

/** A duration that is checked but kept as its author wrote it, since stored projects are read by this schema again. */
const writtenTime = z.union([z.literal(0), z.string()]).check((context) => {
  for (const { message } of duration.safeParse(context.value).error?.issues ?? [])
    context.issues.push({ code: 'custom', input: context.value, message });
});

const targetTimeouts = z.strictObject({
  connect: writtenTime
    .optional()
    .meta({ title: 'time', description: 'time to connect; then the next URL of the target is tried. Not given: 3s; 0: no limit' }),
  responseHead: writtenTime.optional().meta({
    title: 'time',
    description:
      "time until the target's response head; then 504. Not given: 60s; 0: no limit. The environment's timeouts.responseHead limits the gateway's response as a whole, retries included",
  }),
});

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
