import type { Sessions } from '../access/sessions.ts';
import type { Journal } from '../feed/journal.ts';
import { authorityRoutes } from './authority-routes.ts';
import { cacheRoutes } from './cache-routes.ts';
import { callerRoutes } from './caller-routes.ts';
import { consumerImportRoute } from './consumer-import-route.ts';
import { consumerRoutes } from './consumer-routes.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { controlRoute } from './control-route.ts';
import { deploymentRoutes } from './deployment-routes.ts';
import { environmentRoutes } from './environment-routes.ts';
import { explainRoute } from './explain-route.ts';
import { historyRoutes } from './history-routes.ts';
import { joinTokenRoute } from './join-token-route.ts';
import { metricsRoute } from './metrics-route.ts';
import { type Page, pageRoutes } from './page-routes.ts';
import { probeRoutes } from './probe-routes.ts';
import { productRoutes } from './product-routes.ts';
import { projectRoutes } from './project-routes.ts';
import { registerRoutes } from './register-routes.ts';
import { registryRoute } from './registry-route.ts';
import { secretRoutes } from './secret-routes.ts';
import { serverRoutes } from './server-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { targetsRoute } from './targets-route.ts';
import { upgradeRoutes } from './upgrade-routes.ts';
import { usageRoute } from './usage-route.ts';

/** The parts of the admin API that single routes need. */
export interface RouteParts {
  readonly sessions: Sessions;
  readonly journal: Journal;
  readonly joinToken: (() => string | undefined) | undefined;
  readonly page: Page | undefined;
}

/** Adds every route of the admin API but `/openapi.json`. Nothing of `context` and `parts` is used before the first request. */
export function allRoutes(app: ControlApp, context: ControlContext, { sessions, journal, joinToken, page }: RouteParts): void {
  for (const routes of [
    environmentRoutes,
    serverRoutes,
    deploymentRoutes,
    cacheRoutes,
    explainRoute,
    projectRoutes,
    consumerRoutes,
    consumerImportRoute,
    callerRoutes,
    productRoutes,
    registerRoutes,
    registryRoute,
    controlRoute,
    secretRoutes,
    authorityRoutes,
    metricsRoute,
    targetsRoute,
    usageRoute,
    probeRoutes,
  ]) {
    routes(app, context);
  }
  upgradeRoutes(app);
  sessionRoutes(app, sessions);
  joinTokenRoute(app, joinToken);
  pageRoutes(app, page);
  historyRoutes(app, journal);
}
