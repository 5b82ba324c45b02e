import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { RevisionAnswer } from '../../api/answers.ts';
import type { ProjectInput } from '../../model/project.ts';
import { call, pathOf } from '../state/api.ts';
import { attempt } from '../state/attempt.ts';
import { Dialog } from '../widgets/dialog.tsx';
import { LongList } from '../widgets/long-list.tsx';
import { matches, SearchBox } from '../widgets/search-box.tsx';
import { type PolicyStep, policyChain } from './policy-chain.ts';
import { writeSettings } from './project-text.ts';

/** Above this number of resources there is a filter. */
const few = 8;
/** Number of resources, targets or policies shown initially. */
const firstShown = 20;

/** Shows what a revision of a project holds: base path, targets, policies, and the resources with their chains. */
export function RevisionContent({ name, revision, close }: { name: string; revision: number; close: () => void }) {
  const found = useSignal<ProjectInput | undefined>(undefined);
  useEffect(() => {
    void attempt(async () => {
      found.value = (await call<RevisionAnswer>('GET', pathOf('v1', 'projects', name, 'revisions', revision))).project as ProjectInput;
    });
  }, [name, revision]);
  return (
    <Dialog title={`Revision ${revision} of ${name}`} close={close} wide>
      {found.value === undefined ? <p class="muted">Loading…</p> : <Content project={found.value} />}
    </Dialog>
  );
}

function Content({ project }: { project: ProjectInput }) {
  const query = useSignal('');
  const { basePath, version, targets, resources = [] } = project;
  const { request, response } = policyChain(project);
  const shown = resources.filter(({ path, methods, target }) =>
    matches(query.value, `${methods?.join(' ') ?? ''} ${path} ${target ?? ''}`),
  );
  return (
    <>
      <p>
        Base path <code>{basePath}</code>
        {version && <span class="muted"> · label {version}</span>}
      </p>
      <section class="content-part" aria-label="Targets">
        <h3>
          Targets <span class="count">{Object.keys(targets).length}</span>
        </h3>
        <LongList items={Object.entries(targets)} first={firstShown} noun="target" class="content-list">
          {([name, { url, urls, failover }]) => (
            <li key={name}>
              <b>{name}</b> <code>{url ?? urls?.map((one) => `${one.url} (weight ${one.weight ?? 1})`).join(', ')}</code>
              {failover !== undefined && <span class="muted"> · failover {failover}</span>}
            </li>
          )}
        </LongList>
      </section>
      <section class="content-part" aria-label="Policies of every resource">
        <h3>
          Policies of every resource <span class="count">{request.length + response.length}</span>
        </h3>
        <Policies steps={[...request, ...response]} />
      </section>
      <section class="content-part" aria-label="Resources">
        <h3>
          Resources <span class="count">{resources.length}</span>
        </h3>
        {resources.length > few && <SearchBox label="Filter resources" query={query} />}
        {resources.length === 0 ? (
          <>
            <p class="muted">None: every request under {basePath} goes to the target default.</p>
            <Chain request={request} response={response} target="default" path={basePath} />
          </>
        ) : (
          <LongList items={shown} first={firstShown} noun="resource" class="content-list">
            {(resource) => (
              <li key={`${resource.methods?.join() ?? ''} ${resource.path}`}>
                <span class="badge">{resource.methods?.join(', ') ?? 'every method'}</span> <code>{resource.path}</code>
                {resource.childPaths === true && <span class="muted"> and paths below</span>}
                <Chain {...policyChain(project, resource)} target={resource.target ?? 'default'} path={resource.path} />
                <OwnPolicies steps={Object.values(policyChain(project, resource)).flat()} />
              </li>
            )}
          </LongList>
        )}
        {resources.length > 0 && shown.length === 0 && <p class="muted">No resource matches.</p>}
      </section>
    </>
  );
}

interface ChainProps {
  readonly request: readonly PolicyStep[];
  readonly response: readonly PolicyStep[];
  readonly target: string;
  readonly path: string;
}

/** The policies that a request passes, its target, and the policies that the response passes. */
function Chain({ request, response, target, path }: ChainProps) {
  const chip = ({ name, point, owner }: PolicyStep, index: number) => (
    <li key={`${point} ${index}`} class="chip">
      {owner === 'resource' ? <b>{name}</b> : name} <span class="muted small">{point}</span>
    </li>
  );
  return (
    <ol class="chips chain" aria-label={`Chain of ${path}`}>
      {request.map(chip)}
      <li class="chip tone-busy">
        <span class="dot" aria-hidden="true" />
        target {target}
      </li>
      {response.map(chip)}
    </ol>
  );
}

function OwnPolicies({ steps }: { steps: readonly PolicyStep[] }) {
  const own = steps.filter(({ owner }) => owner === 'resource');
  if (own.length === 0) return null;
  return (
    <details class="advanced">
      <summary>Settings of its own policies</summary>
      <Policies steps={own} />
    </details>
  );
}

function Policies({ steps }: { steps: readonly PolicyStep[] }) {
  if (steps.length === 0) return <p class="muted">None.</p>;
  return (
    <LongList items={steps} first={firstShown} noun="policy" class="content-list">
      {({ name, point, settings }) => (
        <li key={`${point} ${name} ${JSON.stringify(settings)}`}>
          <b>{name}</b> <span class="muted small">{point}</span>
          <code class="settings">{writeSettings(settings).join('\n')}</code>
        </li>
      )}
    </LongList>
  );
}
