import type { WriteRefusal } from '../writability.ts';

/** Errors with which Redis refuses a write although it is connected, by their first word, with their remedies. */
const remedies: Readonly<Record<string, string>> = {
  OOM: 'raise maxmemory of Redis, or delete other data in it',
  MISCONF: "make room on Redis' disk (its log names the reason), then let it save: redis-cli bgsave",
  NOREPLICAS: 'start the missing replicas of Redis, or lower min-replicas-to-write',
  READONLY: 'this Redis is a replica: let the registry URL name the master, or the Sentinels (redis+sentinel://…)',
  NOAUTH: 'Redis has a password now: put it into the registry URL',
  WRONGPASS: "the password of the Redis user has changed: put the new one into the registry's URL",
  NOPERM: 'the Redis user lacks a permission, which "redis-cli acl log" names',
  LOADING: 'Redis is still loading its data: wait',
  MASTERDOWN: 'this Redis is a replica that lost its master: bring the master back',
  WRONGTYPE: 'another program uses a key of Sluice: remove that key, or let Sluice use other keys (registry.prefix)',
  BUSY: 'a script of another program keeps Redis busy: end it with "redis-cli script kill"',
  CLUSTERDOWN: 'bring back the missing nodes of the Redis Cluster',
};

const deniedInScript = /ACL failure in script|The user executing the script can't/;

/** Reads an error of a write as a refusal by Redis; undefined for an error of another kind, for example of the connection. */
export function redisRefusal({ name, message }: Error): WriteRefusal | undefined {
  // Within a script, Redis 7 reports a missing permission as a general error.
  const code = deniedInScript.test(message) ? 'NOPERM' : (/^[A-Z]+(?= |$)/.exec(message)?.[0] ?? '');
  const known = Object.hasOwn(remedies, code) ? remedies[code] : undefined;
  // Any other error that Redis itself answers with is a refusal, too.
  const remedy = known ?? (name === 'ReplyError' ? 'see the log of Redis, and the documentation of Redis for this error' : undefined);
  if (remedy === undefined) return undefined;
  // Redis appends the script and its line to an error within a script.
  return { reason: message.replace(/,? ?script: [0-9a-f]{40}.*$/s, '').replace(/\.$/, ''), remedy };
}

/** Describes an error of the connection to Redis, with the remedy if Redis refused this client. */
export function describeOutage(error: Error & { lastNodeError?: Error | null }): string {
  if (error.lastNodeError) return `${error.message} ${describeOutage(error.lastNodeError)}`;
  const refusal = redisRefusal(error);
  // ioredis names the delay until its next round of Sentinels, which differs each time.
  const message = error.message.replace(/( Retrying from scratch after \d+ms| and retry is disabled)\./, '.');
  return refusal === undefined ? message : `${refusal.reason}: ${refusal.remedy}`;
}
