import type { ComponentChildren } from 'preact';
import type { EnvironmentAnswer } from '../../api/answers.ts';
import { ProjectChip } from '../projects/project-chip.tsx';

import { ServerList } from '../servers/server-list.tsx';
import { busiest, deployments, projects } from '../state/state.ts';
import { Command, operatorCommand } from '../widgets/command.tsx';
import { Certificates } from './certificates.tsx';
import { EnvironmentFrame } from './environment-frame.tsx';
import { EnvironmentMenu } from './environment-menu.tsx';
import { EnvironmentMetrics } from './environment-metrics.tsx';

/** Number of deployed projects shown; the projects view has them all. */
const mostChips = 12;

interface EnvironmentCardProps {
  readonly environment: EnvironmentAnswer;
  /** A button that collapses the card. */
  readonly collapse?: ComponentChildren;
  /** The initial text of the filter for its servers. */
  readonly find?: string | undefined;
}

/** One environment: traffic, servers, deployed projects. */
export function EnvironmentCard({ environment, collapse, find }: EnvironmentCardProps) {
  const { name, hosts, status, balance, proxyProtocol = [] } = environment;
  const facts = [
    status.listening ?? 'not listening',
    ...(proxyProtocol.length > 0 ? ['PROXY protocol'] : []),
    ...(hosts && hosts.length > 0 ? [hosts.join(', ')] : []),
    balance,
  ];
  return (
    <EnvironmentFrame name={name}>
      <div class="card-head">
        <div>
          <h2>
            {name} {busiest.value === name && <span class="badge tone-busy">Busiest</span>}
          </h2>
          <p class="muted small">
            {facts.join(' · ')} · v{status.snapshot.version}
          </p>
          {status.unread !== undefined && (
            <p class="small">
              <span class="badge tone-bad">Not understood</span> {status.unread}
            </p>
          )}
        </div>
        <div class="card-actions">
          {collapse}
          <EnvironmentMenu name={name} />
        </div>
      </div>
      <EnvironmentMetrics environment={name} />
      <ServerList environment={environment} find={find} />
      <Certificates environment={environment} />
      <DeployedProjects environment={name} />
    </EnvironmentFrame>
  );
}

function DeployedProjects({ environment }: { environment: string }) {
  const deployed = deployments.value[environment]?.deployments ?? [];
  return (
    <div class="card-part">
      <h3>
        Projects <span class="count">{deployed.length}</span>
      </h3>
      {deployed.length === 0 ? (
        <div class="empty-part">
          <p class="muted">
            Nothing is deployed, so clients get 404. Deploy a project under <a href="#projects">Projects</a>, or run:
          </p>
          <Command text={operatorCommand(`sluice deploy ${projects.value[0]?.name ?? 'PROJECT'} --environment ${environment} --wait`)} />
        </div>
      ) : (
        <ul class="chips">
          {deployed.slice(0, mostChips).map((deployment) => (
            <ProjectChip key={deployment.project} environment={environment} deployment={deployment} />
          ))}
          {deployed.length > mostChips && (
            <li class="chip">
              <a href="#projects">{deployed.length - mostChips} more</a>
            </li>
          )}
        </ul>
      )}
    </div>
  );
}
