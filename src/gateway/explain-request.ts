import type { Logger } from 'pino';
import { Limits } from '../limits/limits.ts';
import type { Clock, Random } from '../model/clock.ts';
import type { AskedRequest, Explanation } from '../model/explanation.ts';
import { SluiceError } from '../model/fault.ts';
import type { Manifest, ManifestEntry, RevisionContent } from '../model/manifest.ts';
import { inTurns } from '../model/pieces.ts';
import { type Project, projectInPieces } from '../model/project.ts';
import { notUnderstood } from '../model/snapshot.ts';
import { normalBasePath } from '../projects/base-path.ts';
import { BasePaths } from '../routing/base-paths.ts';
import { readPath } from '../routing/path.ts';
import { type CompiledProject, compileInPieces } from './compiled-project.ts';
import { DryExchange } from './dry-exchange.ts';
import { DryPolicies, outcomeOf } from './dry-policies.ts';
import { GatewayHandler } from './gateway-handler.ts';
import type { Match } from './match.ts';
import { policyServicesOf } from './policy-services.ts';
import { ProjectTable } from './project-table.ts';

/** An environment as its registry has it, and what the explanation may use of the process. */
export interface ExplainedEnvironment {
  readonly manifest: Manifest;
  /** Reads the contents of a deployed revision. */
  read(entry: ManifestEntry): Promise<RevisionContent | undefined>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Explains what a gateway server of an environment would do with a request, by the same code, and sends nothing to a target. Rejects with `invalid` if
 * the project that has the path cannot be served.
 */
export async function explainRequest(asked: AskedRequest, environment: ExplainedEnvironment): Promise<Omit<Explanation, 'servers'>> {
  const { manifest } = environment;
  const exchange = new DryExchange(asked);
  const policies = new DryPolicies(exchange);
  const claims = manifest.put.map((entry) => ({ entry, basePath: normalBasePath(entry.basePath) ?? entry.basePath }));
  const path = readPath(exchange.request.path)?.forms[0] ?? exchange.request.path;
  const claim = new BasePaths(claims).longestOf(path);
  const project = claim && (await projectOf(claim.entry, environment));
  const compiled = project && (await compiledFor(claim.entry, project, policies, environment));
  try {
    // The handler compares the base paths of all projects where a path can be read in several ways.
    const others = compiled ? claims.filter((one) => one !== claim).map(({ basePath }) => ({ ...compiled, basePath })) : [];
    const table = new ProjectTable(compiled ? [compiled, ...others] : []);
    const handler = new GatewayHandler({ table, ready: true }, environment.logger);
    handler.request(exchange);
    const end = await exchange.end;
    const { resource } = (exchange.context ?? {}) as Partial<Match>;
    return {
      environment: manifest.environment,
      project: compiled ? { name: compiled.name, revision: compiled.revision, basePath: compiled.basePath } : null,
      resource: project && resource ? resourceIn(project, resource.template, asked.method) : null,
      policies: policies.of(resource?.policies ?? compiled?.outer),
      outcome: outcomeOf(end, exchange),
    };
  } finally {
    for (const upstream of compiled?.upstreams.values() ?? []) upstream.retire();
  }
}

async function projectOf(entry: ManifestEntry, { read }: ExplainedEnvironment): Promise<Project> {
  const content = await read(entry);
  const fault = entry.fault ?? content?.fault ?? (content?.project === undefined ? 'its contents are not in the registry' : undefined);
  const parsed = fault === undefined ? await inTurns(projectInPieces(content?.project)) : undefined;
  if (parsed?.success) return parsed.data;
  const reason = fault ?? (parsed?.error && notUnderstood(parsed.error));
  throw new SluiceError('invalid', `revision ${entry.revision} of project ${entry.name} cannot be served: ${reason}`);
}

function compiledFor(
  { name, revision }: ManifestEntry,
  project: Project,
  policies: DryPolicies,
  { manifest, logger, clock, random }: ExplainedEnvironment,
): Promise<CompiledProject> {
  const limits = new Limits({ logger, clock, random, environment: () => manifest.environment, gateway: '', store: undefined });
  return inTurns(
    compileInPieces(
      { name, revision, project },
      {
        origin: { epoch: manifest.epoch, variables: manifest.variables },
        services: policyServicesOf({ logger, clock, random, limits }),
        around: (made) => policies.make(made),
      },
    ),
  );
}

function resourceIn({ resources }: Project, template: string, method: string): Explanation['resource'] {
  const at = resources.filter(({ path }) => path === template);
  const found = at.find(({ methods }) => methods?.includes(method)) ?? at.find(({ methods }) => methods === undefined) ?? at[0];
  if (found === undefined) return { path: template, target: 'default' };
  return { path: template, target: found.target, ...(found.methods !== undefined && { methods: [...found.methods] }) };
}
