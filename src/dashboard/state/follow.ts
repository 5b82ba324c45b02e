import type { ServerAnswer } from '../../api/answers.ts';
import type { FeedMessage } from '../../api/feed-messages.ts';
import { withHealth } from '../../api/with-health.ts';
import { notify } from '../widgets/notices.tsx';
import { readFeed } from './feed.ts';
import { readAgain, readEverything, readProjects } from './readings.ts';
import { balancerVersion, happenings, link, lostAt, registryUp, second, servers, sessionEnds, signedIn, traffic } from './state.ts';

/** Happenings that are kept. */
const mostHappenings = 500;

/** Of the balancer last heard. */
let instance: string | undefined;
let stop: (() => void) | undefined;

/** Begins to follow what happens; for somebody signed in. */
export function follow(): void {
  stop ??= readFeed({
    opened() {
      void readEverything();
    },
    heard: hear,
    async lost() {
      if (link.value !== 'lost') lostAt.value = Date.now();
      link.value = 'lost';
      // What was true a moment ago is not shown as if it were now.
      traffic.clear();
      second.value++;
      await readEverything();
      return signedIn.value === true;
    },
  });
}

export function unfollow(): void {
  stop?.();
  stop = undefined;
  instance = undefined;
  link.value = 'connecting';
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
      happenings.value = [...happenings.value, ...message.happenings].slice(-mostHappenings);
      break;
    case 'membership':
      setServer(message.server.id, message.server);
      break;
    case 'gone':
      setServer(message.id, undefined);
      break;
    case 'health': {
      const server = servers.value.get(message.id);
      if (server) setServer(message.id, withHealth(server, message));
      break;
    }
    case 'traffic':
      traffic.hear(message);
      second.value++;
      break;
    case 'environment':
      readAgain(message.name);
      break;
    case 'deployment':
      readAgain(message.environment);
      break;
    case 'project':
      readProjects();
      break;
    case 'registry':
      registryUp.value = message.up;
      break;
    case 'resync':
      void readEverything();
      break;
    default:
      message satisfies never;
  }
}

function welcome(message: Extract<FeedMessage, { type: 'welcome' }>): void {
  link.value = 'live';
  if (instance !== undefined && instance !== message.instance) notify('The balancer was restarted: its counts begin anew.', false);
  instance = message.instance;
  balancerVersion.value = message.version;
  registryUp.value = message.registry;
  sessionEnds.value = message.sessionEnds ?? 0;
  happenings.value = [];
  traffic.clear();
}

function setServer(id: string, server: ServerAnswer | undefined): void {
  const next = new Map(servers.value);
  if (server) next.set(id, server);
  else next.delete(id);
  servers.value = next;
}
