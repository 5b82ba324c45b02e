import type { UsageAnswer } from './usage-answers.ts';

/** A URL of a target to which servers send no requests. */
export type DownUrl = UsageAnswer['down'][number];

/** Says that a URL of a target is down, on how many servers, and why. */
export function downText({ project, target, url, reason, downOn }: DownUrl): string {
  const where = downOn === 1 ? 'on 1 server' : `on ${downOn} servers`;
  return `target ${target} of ${project}: ${url} is down ${where}${reason === undefined ? '' : `: ${reason}`}`;
}
