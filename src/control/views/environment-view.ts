import { isDeepStrictEqual } from 'node:util';
import type { EnvironmentAnswer } from '../../api/answers.ts';
import type { Environment, EnvironmentSpec, EnvironmentSpecInput } from '../../model/environment.ts';
import { SluiceError } from '../../model/fault.ts';
import { hideKeys } from '../../model/hidden-keys.ts';
import { keepText } from '../../model/json-pieces.ts';
import type { LiveListener, LiveView } from '../../model/live.ts';
import { sameFields } from '../../model/same-fields.ts';
import type { SettingOrigin } from '../../model/settings-origins.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';
import type { Registry } from '../../registry/contract.ts';
import type { CertificateStore, ListState } from '../../tls/certificate-store.ts';
import type { IssuedCertificates, IssuedState } from '../../tls/issued-certificates.ts';
import { fileOf, tlsFiles } from '../../tls/tls-files.ts';

type DescribedCertificate = NonNullable<EnvironmentAnswer['status']['certificates']>[number];

/** Finds an environment; throws `not-found` if no environment has this name. */
export async function findEnvironment(registry: Registry, name: string): Promise<Environment> {
  const environment = await registry.environment(name);
  if (environment) return environment;
  throw new SluiceError('not-found', `there is no environment "${name}": see sluice env list`);
}

/** Describes an environment: its settings in the form of a configuration file, with every default filled in and no private key, and its status. */
export function describeEnvironment(
  environment: Environment,
  {
    snapshot,
    origins,
    live,
    listeners = live.listeners(),
    certificates,
    issued,
  }: {
    snapshot: SnapshotId;
    origins: Readonly<Record<string, SettingOrigin>>;
    live: LiveView;
    /** The listeners of `live`, read once for many environments. */
    listeners?: readonly LiveListener[];
    certificates?: CertificateStore | undefined;
    issued?: Pick<IssuedCertificates, 'stateOf'> | undefined;
  },
): EnvironmentAnswer {
  const { epoch, version, hash } = snapshot;
  return {
    name: environment.name,
    ...shownSettings(environment.spec),
    status: {
      listening: live.listening(environment.name) ?? null,
      connections: connectionsOf(environment.spec.listen, listeners),
      ...(environment.spec.tls !== undefined && { certificates: certificatesOf(environment.spec, certificates, issued) }),
      snapshot: { epoch, version, hash },
      origins: { ...origins },
      ...(environment.unread !== undefined && { unread: environment.unread }),
    },
  };
}

function certificatesOf(
  { tls, hosts }: EnvironmentSpec,
  store: CertificateStore | undefined,
  issued: Pick<IssuedCertificates, 'stateOf'> | undefined,
): EnvironmentAnswer['status']['certificates'] {
  const ofHosts = tls?.acme === undefined ? [] : hosts.flatMap((host) => issued?.stateOf(host) ?? []).map(describeIssued);
  const ofFiles = tlsFiles(tls).flatMap(({ files }): DescribedCertificate[] => {
    const { names = [], notAfter, fault, lists = [] } = store?.stateOf(files) ?? {};
    const until = notAfter ?? null;
    return [{ certificate: fileOf(files), names: [...names], until, ...(fault !== undefined && { fault }) }, ...lists.map(describeList)];
  });
  return [...ofFiles, ...ofHosts];
}

function describeList({ file, revoked, nextUpdate, fault }: ListState): DescribedCertificate {
  return { certificate: file, names: [], until: nextUpdate ?? null, revoked, ...(fault !== undefined && { fault }) };
}

function describeIssued({ name, certificate, renewAt, failure }: IssuedState): DescribedCertificate {
  return {
    certificate: name,
    names: [...(certificate?.names ?? [])],
    until: certificate?.notAfter ?? null,
    acme: {
      renewal: certificate === undefined || renewAt === undefined ? null : Math.round(renewAt),
      ...(failure !== undefined && {
        failure: { at: failure.at, attempts: failure.attempts, reason: failure.reason, next: Math.round(failure.retryAt) },
      }),
    },
  };
}

function connectionsOf(listen: string, listeners: readonly LiveListener[]): EnvironmentAnswer['status']['connections'] {
  const listener = listeners.find((one) => one.listen === listen);
  if (listener === undefined) return null;
  const { connections: open, limit, closedForRoom, refused, own } = listener;
  return { open, limit: limit === 0 ? null : limit, closedForRoom, refused, withoutProxyHeader: own['bad-proxy-header'] ?? 0 };
}

/** Settings as they are shown. They are made once: thousands of static servers take milliseconds. */
const shown = new WeakMap<EnvironmentSpec, Required<EnvironmentSpecInput>>();

function shownSettings(spec: EnvironmentSpec): Required<EnvironmentSpecInput> {
  const known = shown.get(spec);
  if (known !== undefined) return known;
  const settings = hideKeys(inConfigurationForm(spec));
  for (const server of settings.servers ?? []) keepText(server);
  shown.set(spec, settings);
  return settings;
}

/** True if two descriptions of an environment say the same. */
export function sameEnvironment({ status, ...one }: EnvironmentAnswer, { status: otherStatus, ...other }: EnvironmentAnswer): boolean {
  return sameFields(one, other) && isDeepStrictEqual(status, otherStatus);
}

function inConfigurationForm(spec: EnvironmentSpec): Required<EnvironmentSpecInput> {
  const { health, outlier, limits, timeouts } = spec;
  return {
    ...spec,
    sticky: { ...spec.sticky, maxAge: timeText(spec.sticky.maxAge) },
    tls: spec.tls && { ...spec.tls, hsts: timeText(spec.tls.hsts) },
    health: health === 'off' ? 'off' : { ...health, interval: timeText(health.interval), timeout: timeText(health.timeout) },
    outlier: { ...outlier, baseEjection: timeText(outlier.baseEjection), maxEjection: timeText(outlier.maxEjection) },
    slowStart: timeText(spec.slowStart),
    limits: { ...limits, queueTimeout: timeText(limits.queueTimeout) },
    timeouts: {
      connect: timeText(timeouts.connect),
      requestHead: timeText(timeouts.requestHead),
      requestBody: timeText(timeouts.requestBody),
      clientIdle: timeText(timeouts.clientIdle),
      responseHead: timeText(timeouts.responseHead),
      upstreamIdle: timeText(timeouts.upstreamIdle),
      upstreamAge: timeText(timeouts.upstreamAge),
      total: timeText(timeouts.total),
      tunnel: timeText(timeouts.tunnel),
    },
  };
}

/** Formats milliseconds as a duration of the configuration. */
function timeText(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
