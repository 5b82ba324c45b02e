import type { ServerConnectionSettings } from '../http1/connection/server-connection-settings.ts';
import type { ListenerSettings } from './contract.ts';

/** Longest request target, unless the limit of heads is raised: then half of that. */
const targetBytes = 16 * 1024;
/** Default of `ListenerSettings.fields`. */
const fields = 100;

/** The part of a listener's settings that its connections obey. */
export function connectionSettings(settings: ListenerSettings): ServerConnectionSettings {
  return {
    limits: {
      headBytes: settings.headerBytes,
      targetBytes: Math.min(Math.max(targetBytes, settings.headerBytes / 2), settings.headerBytes),
      fields: settings.fields ?? fields,
      names: settings.underscores ?? 'drop',
      secure: settings.tls !== undefined || settings.hop !== undefined,
    },
    headMs: settings.timeouts.requestHead,
    idleMs: settings.timeouts.clientIdle,
    bodyPace: { graceMs: settings.timeouts.requestBody, octetsPerSecond: settings.bodyRate },
  };
}
