import { type FeedMessage, maxHappenings } from '../../api/feed-messages.ts';
import { withHealth } from '../../api/with-health.ts';
import { notify } from './notices.ts';
import { readLiveFeed } from './read-live-feed.ts';
import { refreshAll, refreshEnvironment, refreshProjects } from './refresh.ts';
import {
  balancerVersion,
  connection,
  happenings,
  lostAt,
  registryRefuses,
  registryUp,
  servers,
  sessionEnds,
  showServer,
  signedIn,
  traffic,
  trafficTick,
} from './state.ts';

/** The instance id of the balancer that sent the last welcome. */
let instance: string | undefined;
let stop: (() => void) | undefined;

/** Connects to the live feed and keeps the page's state up to date. Requires a session. */
export function follow(): void {
  stop ??= readLiveFeed({
    opened() {
      void refreshAll();
    },
    heard: hear,
    async lost() {
      if (connection.value !== 'lost') lostAt.value = Date.now();
      connection.value = 'lost';
      // Old figures must not look like current ones.
      traffic.clear();
      trafficTick.value++;
      await refreshAll();
      return signedIn.value === true;
    },
  });
}

export function unfollow(): void {
  stop?.();
  stop = undefined;
  instance = undefined;
  connection.value = 'connecting';
}

function hear(message: FeedMessage): void {
  switch (message.type) {
    case 'welcome':
      welcome(message);
      break;
    case 'servers':
      servers.value = new Map(message.servers.map((server) => [server.id, server]));
      break;
    case 'history':
      traffic.recall(message);
      break;
    case 'happenings':
      happenings.value = [...happenings.value, ...message.happenings].slice(-maxHappenings);
      break;
    case 'membership':
      showServer(message.server);
      break;
    case 'gone':
      forgetServer(message.id);
      break;
    case 'health': {
      const server = servers.value.get(message.id);
      if (server) showServer(withHealth(server, message));
      break;
    }
    case 'traffic':
      traffic.hear(message);
      trafficTick.value++;
      break;
    case 'environment':
      refreshEnvironment(message.name);
      break;
    case 'deployment':
      refreshEnvironment(message.environment);
      break;
    case 'project':
      refreshProjects();
      break;
    case 'registry':
      registryUp.value = message.up;
      registryRefuses.value = message.refuses;
      break;
    case 'resync':
      void refreshAll();
      break;
    default:
      message satisfies never;
  }
}

function welcome(message: Extract<FeedMessage, { type: 'welcome' }>): void {
  connection.value = 'live';
  if (instance !== undefined && instance !== message.instance) notify('The balancer was restarted: its counts start from zero.', false);
  instance = message.instance;
  balancerVersion.value = message.version;
  registryUp.value = message.registry;
  registryRefuses.value = message.refuses;
  sessionEnds.value = message.sessionEnds ?? 0;
  happenings.value = [];
  traffic.clear();
}

function forgetServer(id: string): void {
  const next = new Map(servers.value);
  next.delete(id);
  servers.value = next;
}
