import { useSignal } from '@preact/signals';
import type { Tone } from '../../api/answers.ts';
import { answerText, decisionWords } from '../../api/decision-words.ts';
import type { Explanation } from '../../model/explanation.ts';
import { call, pathOf } from '../state/api.ts';
import { environments } from '../state/state.ts';
import { FormDialog } from '../widgets/form-dialog.tsx';
import { TextField } from '../widgets/text-field.tsx';
import { writeSettings } from './project-text.ts';

interface RequestTesterProps {
  readonly project: string;
  /** Environments in which the project is deployed. */
  readonly deployedIn: readonly string[];
  readonly basePath: string;
  readonly close: () => void;
}

/** Asks what an environment would do with a request, and lists the decision of each policy. Nothing is sent to a target. */
export function RequestTester({ project, deployedIn, basePath, close }: RequestTesterProps) {
  const explained = useSignal<Explanation | undefined>(undefined);
  const others = environments.value.map(({ name }) => name).filter((name) => !deployedIn.includes(name));
  const submit = async (form: FormData) => {
    explained.value = undefined;
    const text = (field: string) => String(form.get(field) ?? '').trim();
    const body = {
      method: text('method'),
      url: text('url'),
      headers: fieldsOf(text('headers')),
      ...(text('client') !== '' && { clientAddress: text('client') }),
    };
    explained.value = await call<Explanation>('POST', pathOf('v1', 'environments', text('environment'), 'explain'), { body });
  };
  return (
    <FormDialog title={`Test a request to ${project}`} action="Test" close={close} submit={submit} wide>
      <p class="muted lead">
        Shows what the deployed revision would do with a request. Nothing is sent to a target, and no limit counts it.
      </p>
      <div class="field-row">
        <label class="field">
          <span>Environment</span>
          <select name="environment">
            {[...deployedIn, ...others].map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <TextField label="Method" name="method" defaultValue="GET" autocapitalize="off" required />
        <TextField label="Client address" name="client" placeholder="127.0.0.1" />
      </div>
      <TextField label="Path or URL" name="url" defaultValue={basePath} required autofocus />
      <label class="field">
        <span>Header fields, one a line</span>
        <textarea name="headers" rows={3} spellcheck={false} placeholder="x-api-key: secret" />
      </label>
      <div role="status">{explained.value && <Explained {...explained.value} />}</div>
    </FormDialog>
  );
}

/** Header fields of lines such as `name: value`. Throws an `Error` that names the faulty line. */
function fieldsOf(text: string): [name: string, value: string][] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const [, name, value] = /^\s*([^:\s]+):\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`Header fields, line ${index + 1}: must be "name: value".`);
    return [[name, value] as [string, string]];
  });
}

const tones: Readonly<Record<Explanation['policies'][number]['decision'], Tone>> = {
  passes: 'good',
  answers: 'warn',
  'on-server': 'busy',
  'not-reached': 'idle',
  settings: 'idle',
  response: 'idle',
};

function Explained({ project, resource, policies, outcome, servers }: Explanation) {
  return (
    <>
      <p>
        {project === null ? 'No project has this path.' : `${project.name}, revision ${project.revision}, at ${project.basePath}`}
        {resource !== null && ` · ${resource.methods?.join(', ') ?? 'every method'} ${resource.path}, target ${resource.target}`}
        <br />
        <span class="muted small">
          {servers.length === 0 ? 'No server takes requests now, so clients get 503.' : `Servers that take requests: ${servers.join(', ')}`}
        </span>
      </p>
      {project !== null && policies.length === 0 && <p class="muted">No policy runs.</p>}
      <ol class="content-list" aria-label="Decisions">
        {policies.map(({ name, point, settings, decision, answer, changes = [] }, index) => (
          <li key={index}>
            <b>{name}</b> <span class="muted small">{point}</span>{' '}
            <span class={`badge tone-${tones[decision]}`}>{answer === undefined ? decisionWords[decision] : answerText(answer)}</span>
            {changes.map((change) => (
              <div key={change} class="muted small">
                {change}
              </div>
            ))}
            <details class="advanced">
              <summary class="small">Settings of {name}</summary>
              <code class="settings">{writeSettings(settings).join('\n')}</code>
            </details>
          </li>
        ))}
      </ol>
      <p>
        {'answer' in outcome ? (
          <>
            <b>Answered here:</b> {answerText(outcome.answer)}
          </>
        ) : (
          <>
            <b>Forwarded:</b> {outcome.forwarded.method} <code>{outcome.forwarded.url}</code> (Host: {outcome.forwarded.host})
          </>
        )}
      </p>
      {'forwarded' in outcome && (
        <ul class="settings small" aria-label="Header fields">
          {outcome.forwarded.headers.map(([name, value], index) => (
            <li key={index}>
              <code>
                {name}: {value}
              </code>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
