import type { Contender } from '../contender.ts';
import { caddy } from './caddy.ts';
import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';
import { npmPackage } from './npm-package.ts';
import { sluiceBalancer } from './sluice-balancer.ts';
import { sluiceBoth } from './sluice-both.ts';
import { sluiceEmbedded } from './sluice-embedded.ts';
import { sluiceGateway } from './sluice-gateway.ts';

/** All contenders, in the order of the report. The others are compared with the first. */
export const contenders: readonly Contender[] = [
  haproxy,
  nginx,
  caddy,
  npmPackage('http-proxy', 'http-proxy', 'http-proxy.mjs'),
  npmPackage('fastify-http-proxy', '@fastify/http-proxy', 'fastify-http-proxy.mjs'),
  sluiceBalancer,
  sluiceGateway,
  sluiceBoth,
  sluiceEmbedded,
];
