/** Every path that is this or lies below it is reserved for Sluice: no project can serve it, and the balancer never forwards it. */
export const reservedPath = '/.sluice';

/** A gateway server's readiness: 200 while it takes new requests, else 503. The default of `health.path`. */
export const readyPath = `${reservedPath}/ready`;

/** A gateway server's metrics in Prometheus' text format. */
export const metricsPath = `${reservedPath}/metrics`;

/** A gateway server's counts, for balancers. With `?project=NAME`, of one project in detail. */
export const usagePath = `${reservedPath}/usage`;

/** True if `path`, spelled in its normal form, is reserved. The balancer recognises other spellings too: see `couldBeReserved`. */
export function isReserved(path: string): boolean {
  return path.startsWith(reservedPath) && (path.length === reservedPath.length || path[reservedPath.length] === '/');
}

/** Path, below a project's base path, to which an OpenID provider sends browsers back. */
export const loginPath = `${reservedPath}/oidc/callback`;

/** Path, below a project's base path, at which a browser's session ends. */
export const logoutPath = `${reservedPath}/oidc/logout`;

/** True for the two reserved paths that projects answer, spelled in their normal form. */
export function isLoginPath(path: string): boolean {
  return path === loginPath || path === logoutPath;
}
