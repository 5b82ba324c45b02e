import type { Command } from 'commander';
import type { ControlAnswer, EnvironmentAnswer, RegistryAnswer, ServerAnswer } from '../../api/answers.ts';
import { certificateWarning } from '../../api/certificate-warning.ts';
import { type DownUrl, downText } from '../../api/down-text.ts';
import { minuteOf } from '../../api/minute-of.ts';
import type { UsageAnswer } from '../../api/usage-answers.ts';
import { Refused } from '../client/control-client.ts';
import { type Operator, type OperatorOptions, operatorCommand, operatorOf } from '../operator.ts';
import type { Cell } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { Line } from '../terminal/text.ts';
import { certificateTable } from './certificate-table.ts';
import { environmentColumns, environmentRow } from './environment-commands.ts';
import { serverStatus } from './server-status.ts';
import { serverTable } from './server-table.ts';

/** Milliseconds before the end of a server's certificate in which it should have been renewed long ago. */
const hopRenewalMs = 8 * 3_600_000;
/** Share of a listener's limit of connections from which it is reported. */
const fullShare = 0.9;

interface Status {
  readonly environments: readonly EnvironmentAnswer[];
  readonly servers: readonly ServerAnswer[];
  readonly registry: RegistryAnswer;
  readonly control: ControlAnswer;
  /** URLs of targets to which servers send no requests. */
  readonly targetsDown: readonly (DownUrl & { readonly environment: string })[];
}

/** `sluice status` */
export function statusCommand(program: Command, terminal: Terminal): void {
  operatorCommand(
    program.command('status').description('show environments and servers with versions, health and traffic, and what is wrong'),
  ).action(async (options: OperatorOptions) => {
    const operator = await operatorOf(options, terminal);
    const status = await read(operator);
    operator.show(status, lines(operator, status));
  });
}

async function read({ client }: Operator): Promise<Status> {
  const [environments, servers] = await Promise.all([
    client.get<EnvironmentAnswer[]>('/v1/environments'),
    client.get<ServerAnswer[]>('/v1/servers'),
  ]);
  // After the others, whose reading may have found documents that cannot be read.
  const registry = await client.get<RegistryAnswer>('/v1/registry');
  const control = await client.get<ControlAnswer>('/v1/control').catch(withoutControl);
  const counting = environments.filter(({ name }) => servers.some(({ environment, source }) => environment === name && source === 'join'));
  const down = await Promise.all(
    counting.map(async ({ name: environment }) => (await downIn(client, environment)).map((url) => ({ environment, ...url }))),
  );
  return { environments, servers, registry, control, targetsDown: down.flat() };
}

/** Asks the servers of an environment. A balancer of an earlier version knows nothing of that; the rest of the status does not depend on it. */
async function downIn(client: Operator['client'], environment: string): Promise<readonly DownUrl[]> {
  const query = new URLSearchParams({ environment });
  return client.get<UsageAnswer>(`/v1/usage?${query}`).then(
    ({ down }) => down,
    () => [],
  );
}

/** Takes a balancer of an earlier version, which tells nothing of its control address, as one without a certificate there. */
function withoutControl(error: unknown): ControlAnswer {
  if (error instanceof Refused && error.problem.status === 404) return { certificate: null };
  throw error;
}

function lines({ table }: Operator, { environments, servers, registry, control, targetsDown }: Status): Line[] {
  const troubles = [
    ...registryTroubles(registry),
    ...controlTroubles(control),
    ...environments.flatMap((environment) => environmentTroubles(environment, servers)),
    ...serverTroubles(environments, servers),
    ...targetsDown.map((url): Line => [`${url.environment}: `, { text: downText(url), tone: 'bad' }]),
    ...registry.unread.map(({ kind, name, reason }): Line => [`${kind} ${name}: `, { text: reason, tone: 'bad' }]),
  ];
  const certificates = certificateTable(environments);
  return [
    ...(environments.length === 0
      ? ['no environments']
      : table(
          [...environmentColumns, { heading: 'SERVING' }],
          environments.map((environment) => [...environmentRow(environment), serving(environment, servers)]),
        )),
    '',
    ...(servers.length === 0 ? ['no servers'] : table(...serverTable(servers))),
    ...(certificates === undefined ? [] : ['', ...table(...certificates)]),
    ...(troubles.length === 0 ? [] : ['', ...troubles]),
  ];
}

/** Number of an environment's servers that take requests of this balancer. */
function serving({ name }: EnvironmentAnswer, servers: readonly ServerAnswer[]): Cell {
  const members = servers.filter(({ environment, elsewhere }) => environment === name && !elsewhere);
  const up = members.filter(takesRequests).length;
  return { text: `${up} of ${members.length}`, tone: up === 0 ? 'bad' : up < members.length ? 'warn' : 'good' };
}

function takesRequests({ state, health }: ServerAnswer): boolean {
  return state === 'ready' && health === 'up';
}

function registryTroubles({ refuses }: RegistryAnswer): Line[] {
  return refuses === null ? [] : [['registry: ', { text: 'it refuses writes', tone: 'bad' }, `: ${refuses}`]];
}

function controlTroubles({ certificate }: ControlAnswer): Line[] {
  const text = certificate === null ? undefined : certificateWarning(certificate, Date.now());
  return text === undefined ? [] : [['control address: ', { text, tone: 'bad' }]];
}

function environmentTroubles({ name, listen, proxyProtocol, status }: EnvironmentAnswer, servers: readonly ServerAnswer[]): Line[] {
  const troubles: Line[] = [];
  const report = (text: string) => troubles.push([`${name}: `, { text, tone: 'bad' }]);
  if (status.listening === null) report(`${listen} is not open on this balancer: see its log for the reason`);
  const { open = 0, limit = null } = status.connections ?? {};
  if (limit !== null && open >= fullShare * limit)
    report(
      `${open} of ${limit} client connections: idle ones are closed to make room; raise the limit of open files (ulimit -n) or limits.connections`,
    );
  const { withoutProxyHeader = 0 } = status.connections ?? {};
  if (withoutProxyHeader > 0 && (proxyProtocol ?? []).length > 0)
    report(
      `${withoutProxyHeader} connections from addresses in proxyProtocol had no valid header of the PROXY protocol: let the load balancer there send it; see the log for the address`,
    );
  for (const { certificate, until, fault, acme, revoked } of status.certificates ?? []) {
    if (revoked !== undefined) {
      if (fault !== undefined) report(`revocation list ${certificate}: ${fault}`);
      continue;
    }
    if (acme?.failure !== undefined) {
      const { attempts, reason, next } = acme.failure;
      const present = until === null ? 'a self-signed one answers' : `the present one is valid until ${minuteOf(until)}`;
      report(
        `no new certificate for ${certificate}${attempts === 0 ? '' : ` after attempt ${attempts}`}: ${reason}. Meanwhile ${present}; the next attempt is due at ${minuteOf(next)}`,
      );
    }
    // An authority's certificate may last for days only, and is renewed by itself.
    if (acme !== undefined && (until === null || until > Date.now())) continue;
    const warning = certificateWarning({ certificate, until, fault }, Date.now());
    if (warning !== undefined) report(warning);
  }
  const members = servers.filter(({ environment, elsewhere }) => environment === name && !elsewhere);
  if (members.length === 0) report(`no servers: requests get 503; add one with "sluice server add ID --environment ${name}"`);
  else if (!members.some(takesRequests)) report('none of its servers takes requests');
  return troubles;
}

function serverTroubles(environments: readonly EnvironmentAnswer[], servers: readonly ServerAnswer[]): Line[] {
  const wanted = new Map(environments.map(({ name, status }) => [name, status.snapshot]));
  return servers.flatMap((server) => {
    const { word, reason } = serverStatus(server, wanted.get(server.environment ?? ''));
    return [
      ...(reason === undefined ? [] : [[`${server.id}: `, word, `: ${reason}`]]),
      ...hopTroubles(server),
      ...ownCertificateTroubles(server),
    ];
  });
}

/** A certificate that was not renewed: connections go on, since the server's lease counts, but a balancer that should renew it cannot. */
function hopTroubles({ id, state, hop }: ServerAnswer): Line[] {
  const until = hop?.until ?? Number.POSITIVE_INFINITY;
  if (state === 'lost' || until - Date.now() > hopRenewalMs) return [];
  const text = `its certificate for balancers is not renewed, and ends at ${minuteOf(until)}: see the logs of the balancers`;
  return [[`${id}: `, { text, tone: 'warn' }]];
}

function ownCertificateTroubles({ id, state, ownCertificate }: ServerAnswer): Line[] {
  if (state === 'lost' || ownCertificate === undefined) return [];
  const text = certificateWarning(ownCertificate, Date.now());
  return text === undefined ? [] : [[`${id}: `, { text, tone: 'bad' }]];
}
