// Written by `npm run schema` from the schemas in src/config and src/model; do not edit.
/**
 * configuration of a Sluice balancer
 */
export interface BalancerSettings {
  /**
   * address and secrets for operators and gateway servers
   */
  control?: {
    /**
     * address of the admin API, the registration endpoint, the dashboard and the metrics. Beyond loopback, give it tls, or put a TLS proxy in front: tokens are sent to it
     */
    listen?: string;
    /**
     * certificate of the control address, which then speaks https and wss only. Clients of a private authority name it with --ca. Not given: plain
     */
    tls?: {
      /**
       * file with the certificate in PEM form, followed by those that lead to its issuer, relative to the folder of the configuration file. A changed file is noticed within seconds, checked, and used for new connections
       */
      certificate: string;
      /**
       * file with its private key in PEM form, not encrypted. Only the user that runs Sluice should be able to read it
       */
      key: string;
    };
    /**
     * IP addresses and CIDR ranges of proxies in front of the control address. Their X-Forwarded-For or Forwarded names the client, whose wrong tokens are counted. A request that any proxy passes on is not taken for one from this machine, unless a listed proxy says so
     */
    trustedProxies?: string[];
    /**
     * secrets for the control address
     */
    tokens?: {
      /**
       * secret of operators; better set by SLUICE_ADMIN_TOKEN. Several that are all valid, for example while one is replaced: a list, or a map of names such as { ci: …, anna: … }. Not given: created at the first start and kept in dataDir
       */
      admin?:
        | string
        | string[]
        | {
            [k: string]: string;
          };
      /**
       * secret of gateway servers of all environments; better set by SLUICE_JOIN_TOKEN. Several that are all valid, for example while one is replaced: a list, or a map of names. Not given: created at the first start and kept in dataDir
       */
      join?:
        | string
        | string[]
        | {
            [k: string]: string;
          };
      /**
       * secrets of gateway servers of one environment each: { production: …, staging: [ …, … ] }. Such a server can be in no other environment, and is sent nothing of another one
       */
      joinFor?: {
        [k: string]:
          | string
          | string[]
          | {
              [k: string]: string;
            };
      };
    };
    /**
     * limits for holders of join tokens
     */
    joins?: {
      /**
       * most servers registered in one environment through this balancer, lost ones included; those without an environment are counted together. 0: any number
       */
      servers?: number;
      /**
       * most open connections of gateway servers that join here. 0: any number
       */
      connections?: number;
      /**
       * most of these connections from one client address (IPv6: from one /64 network). 0: any number
       */
      connectionsPerAddress?: number;
    };
  };
  /**
   * the store of environments, projects, deployments and servers
   */
  registry?: {
    /**
     * where environments, projects and servers are stored: embedded:FOLDER for one balancer, redis://… to share them between several balancers. Not given: embedded:<dataDir>. If the URL contains a password, better set it by SLUICE_REGISTRY_URL
     */
    url?: string;
    /**
     * prefix of all Redis keys and channels. Balancers and gateway servers that belong together have the same prefix
     */
    prefix?: string;
  };
  /**
   * folder of the tokens and the embedded registry, relative to the working directory. If it is lost, so are the tokens and all data of an embedded registry
   */
  dataDir?: string;
  /**
   * worker processes that carry traffic; auto: one for each processor; 0: this process carries it. Each worker has its own connections, retry budget and ejections; numeric limits are divided among the workers. A change from or to 0 needs a restart
   */
  workers?: number | 'auto';
  /**
   * one line for each request, on standard output or in a file; true means json. It costs about a microsecond for each request. Traffic never waits for it: if the disk or reader is slow, up to 8 MiB of lines are buffered, further lines are dropped and counted. Without workers a change needs a restart
   */
  accessLog?:
    | boolean
    | ('json' | 'combined')
    | {
        /**
         * json: one JSON object per line; combined: the combined log format of Apache and nginx
         */
        format?: 'json' | 'combined';
        /**
         * file that lines are appended to, relative to the working directory. SIGHUP opens it again, for example after log rotation renamed it. Not given: standard output
         */
        path?: string;
      };
  /**
   * graceful shutdown
   */
  shutdown?: {
    /**
     * time for requests in flight to finish after SIGTERM; 0 aborts them at once. Set a longer stop timeout in the supervisor
     */
    grace?: 0 | string;
  };
  /**
   * environments that are created or updated at start; others can be created by API and dashboard. Not given: one called production
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
   * address that clients connect to. Environments can share an address; then hosts tells them apart. 0.0.0.0 opens it to the network
   */
  listen?: string;
  /**
   * host names that the environment serves; *.example.com covers all names below example.com. None: it is the listener's default environment
   */
  hosts?: string[];
  /**
   * TLS for the clients of the listener. Not given: connections are plain. Environments that share a listener all have it, or none
   */
  tls?: {
    /**
     * certificates, chosen by the name that the client asks for: the exact name, then a wildcard of one label, else the first. Environments that share a listener share their certificates
     */
    certificates?: {
      /**
       * file with the certificate in PEM form, followed by those that lead to its issuer, relative to the folder of the configuration file. A changed file is noticed within seconds, checked, and used for new connections
       */
      certificate: string;
      /**
       * file with its private key in PEM form, not encrypted. Only the user that runs Sluice should be able to read it
       */
      key: string;
    }[];
    /**
     * an authority that issues a certificate for each of `hosts` that no file of `certificates` covers, and renews it (ACME). Balancers on one registry share them
     */
    acme?: {
      /**
       * address at which the authority may reach you
       */
      email?: '' | string;
      /**
       * URL of the authority's directory; the default is that of Let's Encrypt. To name it here means that you agree to the authority's terms of service
       */
      directory?: string;
      /**
       * certificates of the authorities that the directory's own certificate is checked against, instead of the public ones: PEM text or the name of a file with it
       */
      ca?: string;
      /**
       * proof that a name leads here. http-01: the authority asks at port 80 of the name, which leads to redirectFrom; tls-alpn-01: it connects to port 443 of the name, which leads to listen
       */
      challenge?: 'http-01' | 'tls-alpn-01';
      /**
       * account that the authority wants to see named (external account binding)
       */
      eab?: {
        /**
         * the authority's id of your account
         */
        keyId?: string;
        /**
         * its key, in base64url. Answers of the admin API do not show it
         */
        hmac?: string;
      };
    };
    /**
     * lowest version of TLS that clients may use: 1.2 or 1.3. Environments that share a listener must agree
     */
    minVersion?: '1.2' | '1.3' | 1.2 | 1.3;
    /**
     * certificates that clients must show. Every client of the listener is asked for one; each environment decides about its own requests
     */
    clientCertificates?: {
      /**
       * file with the certificates of the authorities that issue clients' certificates, in PEM form, relative to the folder of the configuration file. A changed file is noticed within seconds, checked, and used for new connections
       */
      ca: string;
      /**
       * files with revocation lists (CRL) of these authorities, in PEM form: a certificate that one of them names is refused. Watched and checked like `ca`. The certificates of an authority without a list are not looked up
       */
      crl?: string | string[];
      /**
       * true: a request without a client certificate is refused; false: only one with a certificate that none of the authorities issued, or that is not valid
       */
      require?: boolean;
      /**
       * true: servers also get the intermediate certificates that the client has shown, in Client-Cert-Chain (RFC 9440). Each connection to the listener then makes a full handshake, because resumed sessions do not have them
       */
      chain?: boolean;
    };
    /**
     * address without TLS whose requests are answered with 308 and the same URL with https, for example 0.0.0.0:80. Environments can share it if they share their listener
     */
    redirectFrom?: string;
    /**
     * port that redirects name, if clients reach the listener by another one, for example behind a port mapping; 0: its own
     */
    publicPort?: number;
    /**
     * time for which browsers use nothing but https for the host (Strict-Transport-Security on all responses of the environment); 0: not said. It cannot be taken back before that time ends
     */
    hsts?: 0 | string;
  };
  /**
   * how the server for a request is chosen. least-connections suits requests of uneven length
   */
  balance?: 'round-robin' | 'least-connections' | 'random-two' | 'ewma' | 'hash';
  /**
   * part of the request that `balance: hash` uses: requests with the same value go to the same server
   */
  hash?: {
    /**
     * client-ip, client-certificate, path, header:NAME or cookie:NAME. client-certificate: the subject of the certificate that the client has shown. Behind a proxy that is not listed in trustedProxies, client-ip is the address of the proxy for all clients
     */
    on?: string;
  };
  /**
   * true: responses have the field x-served-by with the id of the server. false: responses do not reveal the server
   */
  exposeServer?: boolean;
  /**
   * health checks of every server; off: a server gets requests as soon as it has joined, until requests fail
   */
  health?:
    | 'off'
    | {
        /**
         * path of the GET request; empty: a successful TCP connection is enough. Every Sluice gateway server answers the default path itself. If another kind of server (static, or registered by plain HTTP) gets the default path, any answer below 500 passes, 404 too, whatever `expect` says
         */
        path?: string;
        /**
         * Host of the check's request, and the name that TLS asks for; empty: the address of the server
         */
        host?: string;
        /**
         * port to check; 0: that of the server's address. Another port may be well while the server's own is not
         */
        port?: number;
        /**
         * true: the check uses TLS. A static server with `tls` is always checked with its settings, unless `port` names another port; of other servers certificates are not verified, because a check carries no secret
         */
        tls?: boolean;
        /**
         * time between two checks of a server, ±10 % at random. A shorter interval detects dead servers sooner and makes more requests
         */
        interval?: 0 | string;
        /**
         * time for the response, then the check has failed. If it is too short, busy servers are taken out of service
         */
        timeout?: 0 | string;
        /**
         * consecutive checks that must pass before a server that is down is up again. For a new server the first check decides
         */
        rise?: number;
        /**
         * consecutive checks that must fail before a server is down; with 1, a single failed check takes it out of service
         */
        fall?: number;
        /**
         * statuses of a passed check, for example 200 or 200-299,304
         */
        expect?: string;
      };
  /**
   * outlier detection: a server whose exchanges fail gets no requests for a while
   */
  outlier?: {
    /**
     * consecutive failures of a server itself (no connection, its own 5xx; of a static server also reset and invalid responses) after which it is ejected; 0: never. Failures of targets, silence and shortages of the balancer do not count
     */
    consecutiveFailures?: number;
    /**
     * duration of the first ejection; the n-th ejection lasts n times as long
     */
    baseEjection?: 0 | string;
    /**
     * maximum duration of an ejection
     */
    maxEjection?: 0 | string;
    /**
     * percentage of the servers that may be ejected at the same time. With 100 an environment can be left without servers
     */
    maxEjectedPercent?: number;
  };
  /**
   * if less than this percentage of the servers is healthy, health is ignored and all servers get requests; 0: never, so that clients get 503 if no server is healthy
   */
  panicThreshold?: number;
  /**
   * time in which the share of a server that came up grows to its full weight; 0: at once
   */
  slowStart?: 0 | string;
  /**
   * when a request is retried on another server
   */
  retries?: {
    /**
     * attempts for a request, the first included, each on another server; 1: no retry
     */
    attempts?: number;
    /**
     * allowed retries, in percent of the requests. A higher value makes an outage worse, since retries add to its load
     */
    budgetPercent?: number;
    /**
     * retries in the budget at the start, so that the first requests can be retried. The budget saves up at most budgetMin + budgetPercent retries
     */
    budgetMin?: number;
    /**
     * statuses of a response after which the request is tried on another server, for example [502, 503]. Only for methods listed in methods
     */
    statuses?: number[];
    /**
     * methods that a server may safely execute twice: only these are retried once a request may have reached a server. The default methods are idempotent (RFC 9110 section 9.2.2). With POST, an order may be placed twice
     */
    methods?: string[];
    /**
     * bytes of a request body that are kept for a retry; a request with a longer body is not retried. Each request in flight may use that much memory
     */
    bodyBytes?: number;
  };
  /**
   * limits for clients and servers
   */
  limits?: {
    /**
     * greatest number of client connections of the listener. Beyond it the one that is idle the longest is closed; if none is idle, new ones wait up to 5 s, then get 503. auto: as many as the open-file limit (ulimit -n) of the process leaves room for, with a reserve for servers, control address and files; that limit holds for numbers too. If environments share a listener, the largest value applies
     */
    connections?: number | 'auto';
    /**
     * concurrent exchanges on one server; 0: no limit. Further requests wait in the queue, or get 503
     */
    connectionsPerServer?: number;
    /**
     * requests that may wait while every server is at its limit; 0: none, they get 503 at once
     */
    queue?: number;
    /**
     * maximum wait in the queue, then 503. A value beyond the timeout of the clients wastes work: they no longer wait for the response
     */
    queueTimeout?: 0 | string;
    /**
     * maximum bytes of a request head (beyond: 431) or a response head (beyond: 502). The target in it may take half of that, at least 16384 (beyond: 414). Higher values cost memory for each connection; beyond 32768 start the gateway servers with the same number in SLUICE_HEADER_BYTES. If environments share a listener, the largest value applies
     */
    headerBytes?: number;
    /**
     * maximum bytes of a request body (beyond: 413); 0: no limit
     */
    bodyBytes?: number;
    /**
     * least bytes per second of a request body, after timeouts.requestBody (below: 408); 0: no least rate, so that a client which sends a byte now and then holds its connection for ever. Time in which the server does not read does not count. Start the gateway servers with the same number in SLUICE_BODY_RATE. If environments share a listener, the lowest rate applies
     */
    bodyRate?: number;
    /**
     * open upgraded connections (WebSocket) on one server; 0: no limit. They do not count towards connectionsPerServer. Further upgrades get 503
     */
    tunnelsPerServer?: number;
  };
  /**
   * time limits for each step of an exchange
   */
  timeouts?: {
    /**
     * time to connect to a server, then another server is tried; 0: no limit
     */
    connect?: 0 | string;
    /**
     * time for a client's request head, then 408. With 0 slow clients can hold connections. If environments share a listener, the longest time applies
     */
    requestHead?: 0 | string;
    /**
     * time that a client may be behind limits.bodyRate with its request body, then 408. If environments share a listener, the longest time applies
     */
    requestBody?: 0 | string;
    /**
     * idle time after which a client connection is closed; 0: never. Set it longer than the idle time of a proxy in front, or the proxy may send requests on closed connections
     */
    clientIdle?: 0 | string;
    /**
     * time for a server's response head, then 504; 0: no limit, so a server that hangs holds its requests forever. For more than 60s, set the timeouts.responseHead of the projects' targets as well
     */
    responseHead?: 0 | string;
    /**
     * idle time after which a connection to a server is closed. Set it shorter than the server's own idle time, or requests may be sent on closed connections
     */
    upstreamIdle?: 0 | string;
    /**
     * age at which a connection to a server is closed once its exchange has ended, ±10 % at random; 0: no limit. A lower age makes requests reach servers sooner that were added behind a virtual address
     */
    upstreamAge?: 0 | string;
    /**
     * time for a whole exchange, all attempts included; 0: no limit. It also ends long downloads
     */
    total?: 0 | string;
    /**
     * time without octets in either direction after which an upgraded connection (WebSocket) is closed; 0: no limit. Set it longer than the pings of its protocol
     */
    tunnel?: 0 | string;
  };
  /**
   * keeps a client on one server by a cookie, as long as the server is available
   */
  sticky?: {
    /**
     * name of the cookie; empty: not sticky. Sticky clients stay on a busy server even if others are idle
     */
    cookie?: string;
    /**
     * whether browsers send the cookie over https only (its attribute Secure). auto: if the client came over TLS; on: always, for a proxy in front that speaks https; off: never
     */
    secure?: 'auto' | 'on' | 'off';
    /**
     * requests from pages of other sites that carry the cookie. Strict: none; Lax: only links that are followed; None: all, which browsers accept with Secure only
     */
    sameSite?: 'Strict' | 'Lax' | 'None';
    /**
     * time for which browsers keep the cookie, from the moment when the server is chosen; 0: until the browser ends
     */
    maxAge?: 0 | string;
    /**
     * domain whose hosts below get the cookie too; empty: only the host that set it
     */
    domain?: string;
    /**
     * path below which browsers send the cookie
     */
    path?: string;
  };
  /**
   * what happens to fields of clients whose names have an underscore, a dot, or another character than letters, digits and hyphens. CGI and WSGI cannot tell X_User from X-User, so that with keep a client can forge fields that a proxy, Sluice or a policy sets. drop: they are not passed on; reject: 400. If environments share a listener, the strictest applies
   */
  underscores?: 'drop' | 'reject' | 'keep';
  /**
   * IP addresses and CIDR ranges of proxies whose X-Forwarded-* fields are believed. A listed proxy can claim any client address. Environments on one listener share their lists
   */
  trustedProxies?: string[];
  /**
   * IP addresses and CIDR ranges of load balancers whose connections begin with a header of the PROXY protocol (v1 or v2), which names the client. A connection from a listed address without the header is refused; from any other address the header is a malformed request. Environments on one listener must have the same list
   */
  proxyProtocol?: string[];
  /**
   * texts that projects use as ${variables.NAME}, for example addresses that differ between environments
   */
  variables?: {
    [k: string]: string;
  };
  /**
   * mutual TLS between balancers and servers that joined, with certificates that the registry issues. auto: unless both are on one machine; on: always, and servers without it get no requests; off: never. Static servers have `tls` instead
   */
  serverTls?: 'auto' | 'on' | 'off';
  /**
   * true: the balancer is itself one of the environment's servers, and its requests need no connection in between; with worker processes, each of them serves them. id and weight as of any server. With several balancers each is one. false: servers join, or are listed in `servers`
   */
  embedded?:
    | boolean
    | {
        /**
         * id of the server. Not given: one is made and kept in the data folder of the balancer. The second of several balancers adds a suffix
         */
        id?: string;
        /**
         * share of requests relative to the other servers; 0: none. Not given: what an operator set, else 1
         */
        weight?: number;
      };
  /**
   * connections between balancers and servers that joined. auto: requests share one connection, the link, unless they or their responses are long; http1: each request has an HTTP/1.1 connection. Either way upgrades, static servers and servers without links have HTTP/1.1
   */
  hop?: 'auto' | 'http1';
  /**
   * static servers, for gateways that do not register themselves. Sluice sends them requests but no snapshots
   */
  servers?: {
    /**
     * letters, digits, ".", "_", "-"; at most 63
     */
    id: string;
    /**
     * where the server is reached: HOST:PORT
     */
    address: string;
    /**
     * share of requests relative to the other servers; 0: none
     */
    weight?: number;
    /**
     * TLS to the server, its health checks included. Not given: plain
     */
    tls?: {
      /**
       * certificates of the authorities to trust, instead of the public ones: PEM text, the name of a file with it
       */
      ca?: string;
      /**
       * name or IP address for which the certificate must be valid; a name is sent as SNI. Not given: the host
       */
      serverName?: string;
      /**
       * false: every certificate is accepted. An attacker on the path can then read and change all requests, API keys included
       */
      verify?: boolean;
      /**
       * certificate to show to a server that asks for one, followed by its chain: PEM text, the name of a file with it
       */
      certificate?: string;
      /**
       * private key of certificate: PEM text, the name of a file with it. Answers of the admin API do not show it
       */
      key?: string;
    };
    /**
     * version of the PROXY protocol whose header begins each connection to the server: it tells the client's address. Then every request has a connection of its own. The server must expect the header
     */
    proxyProtocol?: 'off' | 'v1' | 'v2';
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
   * the author's label; Sluice numbers the revisions
   */
  version?: string;
  /**
   * path that the project claims, for example /petstore. In an environment, each base path belongs to one project
   */
  basePath: string;
  /**
   * where requests are sent, by name; "default" is the target of resources that name none
   */
  targets: {
    [k: string]: {
      /**
       * where requests are sent: an http:// or https:// URL, which may contain ${variables.NAME}
       */
      url?: string;
      /**
       * several URLs with weights, instead of url
       *
       * @minItems 1
       */
      urls?: {
        /**
         * one of the URLs that requests are sent to
         */
        url: string;
        /**
         * share of requests relative to the other weights; 0: none
         */
        weight?: number;
      }[];
      /**
       * name of the target that takes over when no URL of this target can be reached. It may have a failover as well
       */
      failover?: string;
      /**
       * time limits for each step of an exchange with the target
       */
      timeouts?: {
        /**
         * time to connect; then the next URL of the target is tried. Not given: 3s; 0: no limit
         */
        connect?: 0 | string;
        /**
         * time until the target's response head; then 504. Not given: 60s; 0: no limit. The environment's timeouts.responseHead limits the gateway's response as a whole, retries included
         */
        responseHead?: 0 | string;
        /**
         * time for a request as a whole, retries and the response included; then 504, or the response is broken off. Not given, and 0: no limit
         */
        total?: 0 | string;
      };
      /**
       * health checks of every URL, made while the project is served. A URL that is down gets no requests while another URL, or the failover target, is well; if none is, health is ignored. Not given: none
       */
      health?: {
        /**
         * path of the GET request at the host of each URL; the URL's own path is not put before it. Not given, and empty: a successful connection is enough, TLS included
         */
        path?: string;
        /**
         * Host of the check's request. Not given: that of the URL
         */
        host?: string;
        /**
         * time between two checks of a URL, ±10 % at random. Not given: 5s
         */
        interval?: 0 | string;
        /**
         * time for the response, then the check has failed. Not given: 2s
         */
        timeout?: 0 | string;
        /**
         * consecutive checks that must pass before a URL that is down is up. Not given: 2
         */
        rise?: number;
        /**
         * consecutive checks that must fail before a URL is down. Not given: 3
         */
        fall?: number;
        /**
         * statuses of a passed check, for example 200 or 200-299,304. Not given: 200-399
         */
        expect?: string;
      };
      /**
       * ejection of URLs whose requests fail: such a URL gets no requests for a while, as if it were down. Not given: none
       */
      outlier?: {
        /**
         * consecutive failures (no connection, no response in time, a broken or invalid response, a 5xx status) after which a URL is ejected; 0: never. Not given: 5
         */
        consecutiveFailures?: number;
        /**
         * duration of the first ejection; the n-th ejection lasts n times as long. Not given: 30s
         */
        baseEjection?: 0 | string;
        /**
         * maximum duration of an ejection. Not given: 300s
         */
        maxEjection?: 0 | string;
        /**
         * percentage of the URLs that may be ejected at the same time; a target with one URL needs 100. While all are out, the failover target gets the requests. Not given: 50
         */
        maxEjectedPercent?: number;
      };
      /**
       * when a request is sent to the target again
       */
      retries?: {
        /**
         * attempts for a request, the first included: first at each URL, then at those of the failover target, then at the same URLs again; 1: none of that. Not given: one at each URL, at least 3 where there are as many
         */
        attempts?: number;
        /**
         * statuses of a response after which the request is sent again, for example [429, 503]. Not given: none
         */
        statuses?: number[];
        /**
         * methods that the target may execute twice: only these are sent again once a request may have reached it. Not given: GET, HEAD, OPTIONS, PUT, DELETE (RFC 9110 section 9.2.2)
         */
        methods?: string[];
      };
      /**
       * TLS settings for https:// URLs. Not given: the certificate is checked as browsers do, and none is shown to the target
       */
      tls?: {
        /**
         * certificates of the authorities to trust, instead of the public ones: PEM text, the name of a file with it, or ${variables.NAME}
         */
        ca?: string;
        /**
         * name or IP address for which the certificate must be valid; a name is sent as SNI. Not given: the host
         */
        serverName?: string;
        /**
         * false: every certificate is accepted. An attacker on the path can then read and change all requests, API keys included
         */
        verify?: boolean;
        /**
         * certificate to show to a server that asks for one, followed by its chain: PEM text, the name of a file with it, or ${variables.NAME}
         */
        certificate?: string;
        /**
         * private key of certificate: PEM text, the name of a file with it, or ${variables.NAME}. Answers of the admin API do not show it
         */
        key?: string;
      };
    };
  };
  /**
   * paths that the project offers; all other paths get 404. None: every request under basePath goes to the target "default"
   */
  resources?: {
    /**
     * path under basePath; {name} matches one segment or a part of one
     */
    path: string;
    /**
     * allowed methods; other methods get 405. Not given: all methods
     *
     * @minItems 1
     */
    methods?: string[];
    /**
     * name of the target
     */
    target?: string;
    /**
     * true: the resource also matches every path below its own
     */
    childPaths?: boolean;
    /**
     * time limits for requests of this resource, instead of the target's
     */
    timeouts?: {
      /**
       * time to connect; then the next URL of the target is tried. Not given: 3s; 0: no limit
       */
      connect?: 0 | string;
      /**
       * time until the target's response head; then 504. Not given: 60s; 0: no limit. The environment's timeouts.responseHead limits the gateway's response as a whole, retries included
       */
      responseHead?: 0 | string;
      /**
       * time for a request as a whole, retries and the response included; then 504, or the response is broken off. Not given, and 0: no limit
       */
      total?: 0 | string;
    };
    /**
     * when requests of this resource are sent again, instead of the target's settings
     */
    retries?: {
      /**
       * attempts for a request, the first included: first at each URL, then at those of the failover target, then at the same URLs again; 1: none of that. Not given: one at each URL, at least 3 where there are as many
       */
      attempts?: number;
      /**
       * statuses of a response after which the request is sent again, for example [429, 503]. Not given: none
       */
      statuses?: number[];
      /**
       * methods that the target may execute twice: only these are sent again once a request may have reached it. Not given: GET, HEAD, OPTIONS, PUT, DELETE (RFC 9110 section 9.2.2)
       */
      methods?: string[];
    };
    /**
     * policies of this resource; they run after the project's
     */
    policies?: {
      /**
       * run first, on the client's request; may answer instead of the target
       */
      proxyRequest?: {
        [k: string]: unknown;
      }[];
      /**
       * run on the request that goes to the target; may answer instead of the target
       */
      targetRequest?: {
        [k: string]: unknown;
      }[];
      /**
       * run on the response that comes from the target
       */
      targetResponse?: {
        [k: string]: unknown;
      }[];
      /**
       * run last, on the response that goes to the client
       */
      proxyResponse?: {
        [k: string]: unknown;
      }[];
    };
  }[];
  /**
   * true: the target gets the path with basePath in front
   */
  forwardBasePath?: boolean;
  /**
   * paths with an encoded slash or backslash (%2F, %5C). reject: they get 400; keep: they are passed on, after the policies of every resource that the target could read in them. Not given: reject
   */
  encodedSlashes?: 'reject' | 'keep';
  /**
   * true: runs of slashes below basePath become one slash; false: they are passed on, for paths that contain URLs. Not given: true
   */
  mergeSlashes?: boolean;
  /**
   * policies of every resource
   */
  policies?: {
    /**
     * run first, on the client's request; may answer instead of the target
     */
    proxyRequest?: {
      [k: string]: unknown;
    }[];
    /**
     * run on the request that goes to the target; may answer instead of the target
     */
    targetRequest?: {
      [k: string]: unknown;
    }[];
    /**
     * run on the response that comes from the target
     */
    targetResponse?: {
      [k: string]: unknown;
    }[];
    /**
     * run last, on the response that goes to the client
     */
    proxyResponse?: {
      [k: string]: unknown;
    }[];
  };
  /**
   * written by `sluice project import`, which replaces it as a whole
   */
  openapi?: {
    /**
     * the --target of the import
     */
    target?: string;
    /**
     * what a request must be, by path and method; `validate: { openapi: true }` checks it
     */
    operations: {
      [k: string]: {
        [k: string]: {
          /**
           * parameters of the request
           */
          parameters?: {
            /**
             * name of the parameter
             */
            name: string;
            /**
             * where it is
             */
            in: 'path' | 'query' | 'header' | 'cookie';
            /**
             * true: a request needs it. Path parameters are always required. Not given: false
             */
            required?: boolean;
            /**
             * how lists and maps are written. Not given: simple for path and header, else form
             */
            style?: 'simple' | 'label' | 'matrix' | 'form' | 'spaceDelimited' | 'pipeDelimited' | 'tabDelimited' | 'deepObject';
            /**
             * true: each entry of a list or map stands by itself. Not given: true for style form
             */
            explode?: boolean;
            /**
             * true: the value is JSON. Not given: false
             */
            json?: boolean;
            /**
             * JSON Schema of the value; numbers and booleans are read from their text
             */
            schema?:
              | boolean
              | {
                  [k: string]: unknown;
                };
          }[];
          /**
           * body of the request
           */
          body?: {
            /**
             * true: a request needs a body. Not given: false
             */
            required?: boolean;
            /**
             * what the body must be, by content type, which may be a range such as text/*
             */
            content: {
              [k: string]: {
                /**
                 * JSON Schema of the body
                 */
                schema?:
                  | boolean
                  | {
                      [k: string]: unknown;
                    };
              };
            };
          };
        };
      };
    };
    /**
     * schemas (JSON Schema, draft 2020-12) that others refer to as #/openapi/schemas/NAME
     */
    schemas?: {
      [k: string]:
        | boolean
        | {
            [k: string]: unknown;
          };
    };
  };
}
