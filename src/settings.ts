// Written by `npm run schema` from the schemas in src/config and src/model; do not edit.
/**
 * configuration of a Sluice balancer
 */
export interface BalancerSettings {
  /**
   * the side that operators and gateway servers talk to
   */
  control?: {
    /**
     * where admin API, registration endpoint, dashboard and metrics are served. Beyond loopback put TLS before it: the tokens go over it
     */
    listen?: string;
    /**
     * the two secrets
     */
    tokens?: {
      /**
       * secret of operators; better given as SLUICE_ADMIN_TOKEN. None: made at the first start, kept in dataDir
       */
      admin?: string;
      /**
       * secret of gateway servers; better given as SLUICE_JOIN_TOKEN. None: made at the first start, kept in dataDir
       */
      join?: string;
    };
  };
  /**
   * the truth about environments, projects, deployments and servers
   */
  registry?: {
    /**
     * where environments, projects and servers are kept: embedded:FOLDER for one balancer, redis://… to share it between several. None: embedded:<dataDir>. A password in it is better given as SLUICE_REGISTRY_URL
     */
    url?: string;
    /**
     * first part of every Redis key and channel. Balancers and gateways that belong together use the same
     */
    prefix?: string;
  };
  /**
   * folder for tokens and the embedded registry, from the working directory. Lost with it: tokens, and everything in an embedded registry
   */
  dataDir?: string;
  /**
   * processes that carry traffic, auto: one a processor; 0: it is served in this process. Each keeps connections, retry budget and ejections of its own; numeric limits are divided among them. From or to 0 needs a restart
   */
  workers?: number | 'auto';
  /**
   * a line for each request, on standard output or in a file; true is json. Costs about a microsecond a request. Traffic never waits for it: up to 8 MiB of lines wait for a slow disk or reader, more are dropped and counted. Without workers a change needs a restart
   */
  accessLog?:
    | boolean
    | ('json' | 'combined')
    | {
        /**
         * an object a line, or the combined format of Apache and nginx
         */
        format?: 'json' | 'combined';
        /**
         * file that is appended to, from the working directory; SIGHUP opens it anew, after it was renamed. None: standard output
         */
        path?: string;
      };
  /**
   * how the balancer stops
   */
  shutdown?: {
    /**
     * time that requests in flight get to finish after SIGTERM; 0 cuts them off. Let the supervisor wait longer before it kills
     */
    grace?: 0 | string;
  };
  /**
   * created or updated at start; others can be made by API and dashboard. None: one called production
   */
  environments?: {
    [k: string]: EnvironmentSpec;
  };
}
/**
 * an environment: its listener, balancing, health and limits
 */
export interface EnvironmentSpec {
  /**
   * where clients connect. Environments may share one address and are told apart by hosts. 0.0.0.0 opens it to the network
   */
  listen?: string;
  /**
   * host names it answers for, *.example.com for all below. None: it is the listener's default environment
   */
  hosts?: string[];
  /**
   * who gets the next request. least-connections suits requests of uneven length
   */
  balance?: 'round-robin' | 'least-connections' | 'random-two' | 'ewma' | 'hash';
  /**
   * what `balance: hash` tells requests apart by
   */
  hash?: {
    /**
     * client-ip, path, header:NAME or cookie:NAME. Behind a proxy that is not among trustedProxies, client-ip is that proxy for everybody
     */
    on?: string;
  };
  /**
   * true: responses carry x-served-by with the id of the server. false: clients learn nothing of the servers
   */
  exposeServer?: boolean;
  /**
   * active checks of every server; off trusts a server from the moment it joins until requests fail
   */
  health?:
    | 'off'
    | {
        /**
         * what is asked for with GET; empty: being able to connect is enough. The default is answered by every Sluice gateway itself
         */
        path?: string;
        /**
         * time between two checks of a server, spread by a tenth. Shorter finds dead servers sooner and costs more
         */
        interval?: 0 | string;
        /**
         * time an answer may take before the check failed. Too short takes busy servers out of service
         */
        timeout?: 0 | string;
        /**
         * checks in a row that must pass before a server that was down is up again. The first check of a new server counts alone
         */
        rise?: number;
        /**
         * checks in a row that must fail before a server is down; 1 takes it out at the first hiccup
         */
        fall?: number;
        /**
         * statuses that pass, for example 200 or 200-299,304
         */
        expect?: string;
      };
  /**
   * servers whose exchanges fail are ejected for a while
   */
  outlier?: {
    /**
     * failed exchanges in a row (no connection, reset, timeout, 5xx) that eject a server; 0: never
     */
    consecutiveFailures?: number;
    /**
     * how long the first ejection lasts; the n-th lasts n times that
     */
    baseEjection?: 0 | string;
    /**
     * longest ejection
     */
    maxEjection?: 0 | string;
    /**
     * most servers that may be ejected at a time, in percent. 100 can leave an environment without servers
     */
    maxEjectedPercent?: number;
  };
  /**
   * percent of servers up under which health is ignored and all are used; 0: never, then no server up means 503
   */
  panicThreshold?: number;
  /**
   * time over which a server that came up grows to its full share; 0: at once
   */
  slowStart?: 0 | string;
  /**
   * when a request is tried again on another server
   */
  retries?: {
    /**
     * tries of one request in all, each on another server; 1: no retry
     */
    attempts?: number;
    /**
     * retries allowed, in percent of the requests. Higher makes an outage worse by repeating its load
     */
    budgetPercent?: number;
    /**
     * retries saved up at the start, and kept beside the percentage, for quiet times
     */
    budgetMin?: number;
    /**
     * statuses of a response that are tried again on another server, for example [502, 503]. Only for requests whose method is among methods
     */
    statuses?: number[];
    /**
     * methods that may be carried out twice: only these are tried again once a request may have reached a server. The default are idempotent ones (RFC 9110 section 9.2.2). With POST, orders may be placed twice
     */
    methods?: string[];
    /**
     * bytes of a request body that are kept to be sent again; with a longer one there is no retry. Each request in flight may hold as many
     */
    bodyBytes?: number;
  };
  /**
   * what one client or server may use up
   */
  limits?: {
    /**
     * exchanges at a time on one server; 0: no limit. More wait in the queue, or get 503
     */
    connectionsPerServer?: number;
    /**
     * requests that may wait when every server is at its limit; 0: none wait, they get 503
     */
    queue?: number;
    /**
     * longest wait in the queue, then 503. Longer than clients wait is work for nobody
     */
    queueTimeout?: 0 | string;
    /**
     * bytes of a request head (then 431) or response head (then 502). Larger ones cost memory a connection; gateway servers take no more than 40960. Of environments on one listener the largest counts
     */
    headerBytes?: number;
    /**
     * bytes of a request body, then 413; 0: no limit
     */
    bodyBytes?: number;
  };
  /**
   * how long each step may take
   */
  timeouts?: {
    /**
     * time to connect to a server, then another one is tried; 0: no limit
     */
    connect?: 0 | string;
    /**
     * time for a client's request head, then 408. 0 lets slow clients hold connections. Of environments on one listener the longest counts
     */
    requestHead?: 0 | string;
    /**
     * idle time of a client connection before it is closed; 0: never. Keep it over that of a proxy in front, or its requests meet closed connections
     */
    clientIdle?: 0 | string;
    /**
     * time for a server's response head, then 504; 0: no limit, and a server that hangs holds its requests for ever. Beyond 60s the targets of projects need a longer one as well
     */
    responseHead?: 0 | string;
    /**
     * idle time of a connection to a server before it is closed. Keep it under the server's own, or requests meet closed connections
     */
    upstreamIdle?: 0 | string;
    /**
     * time for a whole exchange, all tries together; 0: no limit. It also ends long downloads
     */
    total?: 0 | string;
  };
  /**
   * keeps a client on one server, by a cookie, for as long as the server is there
   */
  sticky?: {
    /**
     * name of the cookie; empty: not sticky. Clients that stay keep a busy server busy
     */
    cookie?: string;
  };
  /**
   * IP addresses and CIDR ranges whose X-Forwarded-* is believed. Whoever is listed can claim any client address. Environments on one listener share theirs
   */
  trustedProxies?: string[];
  /**
   * texts that projects use as ${variables.NAME}, for example addresses that differ between environments
   */
  variables?: {
    [k: string]: string;
  };
  /**
   * members given by hand, for gateways that do not register themselves. They get no snapshots: what they serve is their own affair
   */
  servers?: {
    /**
     * letters, digits, ".", "_", "-"; at most 63
     */
    id: string;
    /**
     * where it is reached: HOST:PORT
     */
    address: string;
    /**
     * share of requests relative to the others; 0: none
     */
    weight?: number;
  }[];
}

/**
 * an API: base path, targets, resources, policies
 */
export interface ProjectFile {
  /**
   * letters, digits, ".", "_", "-"; at most 63
   */
  name: string;
  /**
   * the author's label; revisions are numbered by Sluice
   */
  version?: string;
  /**
   * path that the project claims, for example /petstore; one project an environment
   */
  basePath: string;
  /**
   * where requests go, by name; "default" takes what names no other
   */
  targets: {
    [k: string]: {
      /**
       * where requests go: http:// or https://, with ${variables.NAME} if wanted
       */
      url?: string;
      /**
       * several places, by weight, in place of url
       *
       * @minItems 1
       */
      urls?: [
        {
          /**
           * one of the places requests go to
           */
          url: string;
          /**
           * share of requests relative to the others; 0: none
           */
          weight?: number;
        },
        ...{
          /**
           * one of the places requests go to
           */
          url: string;
          /**
           * share of requests relative to the others; 0: none
           */
          weight?: number;
        }[],
      ];
      /**
       * target that takes over when none of the places of this one can be reached, and has its own failover in turn
       */
      failover?: string;
      /**
       * how long each step towards it may take
       */
      timeouts?: {
        /**
         * time to connect, then the next of its places is tried. None given: 3s; 0: no limit
         */
        connect?: 0 | string;
        /**
         * time for the target's response head, then 504. None given: 60s; 0: no limit. The environment's timeouts.responseHead counts as well, for what it takes in all
         */
        responseHead?: 0 | string;
      };
      /**
       * terms for https:// URLs. None given: certificates are checked as browsers do
       */
      tls?: {
        /**
         * certificates of the authorities to trust, PEM text, in place of the well-known ones
         */
        ca?: string;
        /**
         * name to ask for (SNI), and that the certificate must be for. None given: the URL's host
         */
        serverName?: string;
        /**
         * false: any certificate will do. Whoever is on the way can then read and change every request, keys included
         */
        verify?: boolean;
      };
    };
  };
  /**
   * what is offered; anything else gets 404. None: everything under basePath goes to the target "default"
   */
  resources?: {
    /**
     * path under basePath; {name} stands for one segment
     */
    path: string;
    /**
     * methods it answers to; others get 405. None given: all
     *
     * @minItems 1
     */
    methods?: [string, ...string[]];
    /**
     * name of the target
     */
    target?: string;
    /**
     * true: everything below the path belongs to it as well
     */
    childPaths?: boolean;
    /**
     * policies of this resource, after the project's
     */
    policies?: {
      /**
       * run first, on the request as it came; may answer in place of the target
       */
      proxyRequest?: {
        [k: string]: unknown;
      }[];
      /**
       * run on the request as it goes to the target; may answer in place of it
       */
      targetRequest?: {
        [k: string]: unknown;
      }[];
      /**
       * run on the target's response as it came
       */
      targetResponse?: {
        [k: string]: unknown;
      }[];
      /**
       * run last, on the response as it goes to the client
       */
      proxyResponse?: {
        [k: string]: unknown;
      }[];
    };
  }[];
  /**
   * true: the base path is kept in what the target sees
   */
  forwardBasePath?: boolean;
  /**
   * policies of every resource
   */
  policies?: {
    /**
     * run first, on the request as it came; may answer in place of the target
     */
    proxyRequest?: {
      [k: string]: unknown;
    }[];
    /**
     * run on the request as it goes to the target; may answer in place of it
     */
    targetRequest?: {
      [k: string]: unknown;
    }[];
    /**
     * run on the target's response as it came
     */
    targetResponse?: {
      [k: string]: unknown;
    }[];
    /**
     * run last, on the response as it goes to the client
     */
    proxyResponse?: {
      [k: string]: unknown;
    }[];
  };
}
