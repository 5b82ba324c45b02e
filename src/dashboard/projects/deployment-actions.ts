import type { DeploymentsSummary } from '../../api/answers.ts';
import { call, onlyIf, pathOf } from '../state/api.ts';
import { attempt } from '../state/attempt.ts';
import { showDeployments } from '../state/refresh.ts';
import { deployments } from '../state/state.ts';

/** Deploys a revision, on condition that the environment's deployments are still as this page shows them. Rejects with an `ApiError`. */
export function deploy(environment: string, project: string, revision: number): Promise<void> {
  return change('PUT', environment, [project], { revision });
}

/** Deploys a revision; a notice tells of it. */
export function deployWithNotice(environment: string, project: string, revision: number): Promise<boolean> {
  return attempt(() => deploy(environment, project, revision), `Deploying ${project} revision ${revision} to ${environment}`);
}

export function rollBack(environment: string, project: string): Promise<boolean> {
  return attempt(() => change('POST', environment, [project, 'rollback']), `Rolling back ${project} in ${environment}`);
}

export function undeploy(environment: string, project: string): Promise<boolean> {
  return attempt(() => change('DELETE', environment, [project]), `Undeploying ${project} from ${environment}`);
}

async function change(method: string, environment: string, path: readonly string[], body?: unknown): Promise<void> {
  const shown = deployments.value[environment];
  const headers = onlyIf(shown && `"${shown.version}"`);
  const where = pathOf('v1', 'environments', environment, 'deployments', ...path);
  showDeployments(await call<DeploymentsSummary>(method, where, { ...(body !== undefined && { body }), headers }));
}
