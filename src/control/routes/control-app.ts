import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyTypeProvider, RawServerDefault } from 'fastify';
import type { Logger } from 'pino';
import type * as z from 'zod';
import type { ServerAnswer } from '../../api/answers.ts';
import type { AuthoritiesAnswer } from '../../api/authority-answers.ts';
import type { Family } from '../../metrics/family.ts';
import type { Access } from '../../model/access.ts';
import type { Clock } from '../../model/clock.ts';
import type { AskedRequest, Explanation } from '../../model/explanation.ts';
import type { Immutable } from '../../model/immutable.ts';
import type { LiveView } from '../../model/live.ts';
import type { Manifest, ManifestEntry, RevisionContent } from '../../model/manifest.ts';
import type { Registry } from '../../registry/contract.ts';
import type { SecretRotation } from '../../registry/secrets/secret-rotation.ts';
import type { CertificateFiles } from '../../tls/certificate.ts';
import type { CertificateStore } from '../../tls/certificate-store.ts';
import type { IssuedCertificates } from '../../tls/issued-certificates.ts';
import type { Registrants } from '../access/registrants.ts';
import type { DocumentKind } from '../documents.ts';
import type { UsageReads } from '../views/usage-reads.ts';

/**
 * Types routes by their zod schemas. A handler receives the schema's output and sends the schema's input: answers are written as a
 * configuration file would write them (durations as text), so that an answer can be edited and sent back.
 */
interface ZodTypes extends FastifyTypeProvider {
  validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown;
  serializer: this['schema'] extends z.ZodType ? Immutable<z.input<this['schema']>> : unknown;
}

/** The Fastify application that serves the admin API. */
export type ControlApp = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, Logger, ZodTypes>;

/** Explains what the gateway servers of an environment do with a request. */
export type Explain = (
  asked: AskedRequest,
  environment: { readonly manifest: Manifest; read(entry: ManifestEntry): Promise<RevisionContent | undefined> },
) => Promise<Omit<Explanation, 'servers'>>;

/** The parts of a balancer that routes read and change. */
export interface ControlContext {
  readonly registry: Registry;
  readonly live: LiveView;
  /** Lists all servers, sorted by id. The list belongs to all who asked at about the same time. */
  readonly listServers: () => Promise<readonly ServerAnswer[]>;
  /** Opens a listener ahead of a change; rejects with a `SluiceError` if that cannot be done. The function says whether the change was made. */
  readonly reserve?: ((address: string) => Promise<(made: boolean) => void>) | undefined;
  /** Explains a request by the code of gateway servers; undefined: this balancer cannot. */
  readonly explain?: Explain | undefined;
  /** Reads what gateway servers have counted; undefined: this balancer cannot. */
  readonly usage?: UsageReads | undefined;
  /** Certificates of this machine; undefined: none are looked at. */
  readonly certificates?: CertificateStore | undefined;
  /** Files of the certificate of the control address; undefined: it is plain. */
  readonly controlTls?: CertificateFiles | undefined;
  /** Certificates that authorities issue; undefined: none do. */
  readonly issued?: Pick<IssuedCertificates, 'states' | 'stateOf'> | undefined;
  /** Keys of the registry's secrets; undefined: this balancer has no secrets of the registry. */
  readonly secrets?: Pick<SecretRotation, 'status' | 'rotate'> | undefined;
  /** Authorities for the connections to servers; undefined: this balancer has none. */
  readonly authorities?: { status(): Promise<AuthoritiesAnswer>; rotate(): Promise<AuthoritiesAnswer> } | undefined;
  readonly clock: Clock;
  readonly version: string;
  /** Access log lines dropped since the start. */
  readonly accessLogDropped: () => number;
  /** Metrics of gateway servers that are a part of this process. */
  readonly families: () => Promise<readonly Family[]>;
  /** Number of gateway servers connected to the registration endpoint. */
  readonly joined: () => number;
  /** The rights of those that register servers by plain HTTP. */
  readonly registrants: Registrants;
  /** Address of the admin API, as configured. */
  readonly listen: string;
}

/** The access that a route requires; `monitor`: the admin or join token, or a request from this machine. */
export type RouteAccess = Access | 'monitor' | 'anyone';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Default: `admin`. */
    access?: RouteAccess;
    /** Kind of the document that the body is: a large one is read by another process. Default: a small body. */
    document?: DocumentKind;
  }
}
