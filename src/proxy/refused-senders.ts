import { systemClock } from '../model/clock.ts';
import { SparseWarning } from '../model/sparse-warning.ts';

/** Connections from addresses in `proxyProtocol` that did not begin with a header of the PROXY protocol. The process-wide instance. */
export const refusedSenders = new SparseWarning(systemClock, {
  counted: 'refused',
  message:
    'connections from addresses in proxyProtocol were refused; the last one for this reason. Let the load balancer there send the header (HAProxy: send-proxy-v2, nginx: proxy_protocol on), or take its address out of proxyProtocol',
});
