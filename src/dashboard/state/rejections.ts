import { computed } from '@preact/signals';
import type { ServerAnswer } from '../../api/answers.ts';
import { progressOf } from '../../api/progress.ts';
import { deployments, environments, serversOf } from './state.ts';

/** A project that servers of an environment reject. */
export interface Rejection {
  readonly environment: string;
  readonly project: string;
  /** Ids of the servers. */
  readonly servers: readonly string[];
}

type ReportedProject = ServerAnswer['projects'][number];

/** The projects that a server reports as rejected. A server's record never changes, it is replaced: so each record is read once. */
const rejectedBy = new WeakMap<ServerAnswer, readonly ReportedProject[]>();

function rejectedProjects(server: ServerAnswer): readonly ReportedProject[] {
  let found = rejectedBy.get(server);
  if (found === undefined) {
    found = server.projects.filter(({ state }) => state === 'rejected');
    rejectedBy.set(server, found);
  }
  return found;
}

/** The same object each time, so that what depends on it is not worked out again. */
const none: readonly Rejection[] = [];

/** Every project that is rejected where it is deployed, by environment and project. */
export const rejections = computed((): readonly Rejection[] => {
  const found = new Map<string, { environment: string; project: string; servers: string[] }>();
  for (const { name: environment } of environments.value) {
    const wanted = deployments.value[environment];
    if (wanted === undefined) continue;
    for (const server of serversOf(environment)) {
      if (server.movingTo !== undefined) continue;
      for (const own of rejectedProjects(server)) {
        // Looks only at the rejected project, not at all projects of the server.
        const state = { id: server.id, source: server.source, lost: server.state === 'lost', running: server.running, projects: [own] };
        if (progressOf(state, { project: own.name, revision: 0 }, wanted).state !== 'rejected') continue;
        const key = `${environment} ${own.name}`;
        const one = found.get(key) ?? { environment, project: own.name, servers: [] };
        found.set(key, one);
        one.servers.push(server.id);
      }
    }
  }
  return found.size === 0 ? none : [...found.values()];
});

/** Environments that reject a project, by project. */
export const rejectionsByProject = computed(() => {
  const groups = new Map<string, Rejection[]>();
  for (const one of rejections.value) groups.set(one.project, [...(groups.get(one.project) ?? []), one]);
  return groups;
});
