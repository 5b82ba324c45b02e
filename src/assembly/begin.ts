import type { Logger } from 'pino';
import { processResolver } from '../dns/resolver.ts';
import { dnsServers } from '../dns/servers.ts';
import { lackingForDirectWrites } from '../http1/connection/direct-write.ts';
import { lackingForDirectTls } from '../http1/connection/tls-internals.ts';
import { processDescriptors } from '../model/descriptors.ts';
import { refusedSenders } from '../proxy/refused-senders.ts';
import { failedHandshakes } from '../tls/failed-handshakes.ts';
import { keepRunning } from './lifetime.ts';
import { createLogger } from './logger.ts';
import { ServiceManager } from './service-manager.ts';
import { settleShapes } from './settled-shapes.ts';
import { makeRoomUnderLoad } from './short-pauses.ts';

/** The logger of a process that carries traffic until it is stopped, which everything in the process that warns now uses. */
export function beginTraffic(level?: string): Logger {
  const logger = createLogger(level);
  keepRunning(logger);
  makeRoomUnderLoad(processDescriptors);
  settleShapes();
  processResolver.log = logger;
  for (const warning of [failedHandshakes, refusedSenders]) warning.log = logger;
  return logger;
}

/** Logger and supervisor of a process that a command starts, and that runs until it is stopped. */
export function begin(level?: string): { logger: Logger; manager: ServiceManager } {
  const logger = beginTraffic(level);
  // Refuses a wrong value here, where it becomes one clear line.
  dnsServers(process.env);
  const lacking = lackingForDirectWrites ?? lackingForDirectTls;
  const dearer = lackingForDirectWrites === undefined ? 'TLS handshake' : 'request';
  if (lacking !== undefined)
    logger.warn({ lacking }, `Node.js ${process.versions.node} is not known to Sluice: each ${dearer} costs more CPU time`);
  return { logger, manager: new ServiceManager(process.env, logger) };
}
