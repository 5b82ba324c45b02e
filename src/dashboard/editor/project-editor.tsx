import { useSignal } from '@preact/signals';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { ProjectChecked } from '../../api/answers.ts';
import { ApiError, call } from '../state/api.ts';
import type { CodeEditor } from './code-editor.ts';
import type { Schema } from './schema-options.ts';

/** Pause after the last change before the text is checked, in milliseconds; for a large text a longer one. */
const restMs = 500;
const largeRestMs = 3000;
/** Length from which a text is large. */
const large = 200_000;
/** Number of faults in the list below the text. */
const mostListed = 8;

const example = 'name: petstore\nbasePath: /petstore\ntargets:\n  default: { url: "http://127.0.0.1:9201" }';

const hint = 'Suggestions appear as you type; Escape closes them. F8 leads to the next fault.';

type Fault = ApiError['faults'][number];

interface ProjectEditorProps {
  /** Replaces what the editor has; another object with the same text does so again. */
  readonly given: { readonly text: string };
  /** Hears of every change, including those of `given`. */
  readonly changed: (text: string) => void;
  /** Faults of a push that was refused; they are shown until the text changes. */
  readonly refused: readonly Fault[];
}

/** Result of the latest check of the text; undefined: the text has changed since. */
type Checked = { readonly faults: readonly Fault[]; readonly note: string };

/** A text field for a project, in YAML or JSON, which completes what is typed and marks faults at their lines. */
export function ProjectEditor({ given, changed, refused }: ProjectEditorProps) {
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const plain = useRef<HTMLTextAreaElement>(null);
  const editor = useRef<CodeEditor | undefined>(undefined);
  const mounted = useSignal(false);
  const checked = useSignal<Checked | undefined>(undefined);
  const text = useSignal(given.text);
  const take = (now: string) => {
    text.value = now;
    changed(now);
  };
  const latest = useRef(take);
  latest.current = take;

  useEffect(() => {
    let ended = false;
    void loadEditor().then((loaded) => {
      if (ended || loaded === undefined || frame.current === null) return;
      const focused = document.activeElement === plain.current;
      editor.current = new loaded.CodeEditor({
        parent: frame.current,
        text: text.value,
        label: 'Project (YAML or JSON)',
        hint,
        example,
        schema: loaded.schema,
        changed: (now) => latest.current(now),
      });
      mounted.value = true;
      if (focused) editor.current.focus();
    });
    return () => {
      ended = true;
      editor.current?.close();
      editor.current = undefined;
    };
  }, []);
  useEffect(() => {
    take(given.text);
    editor.current?.show(given.text);
  }, [given]);
  const present = text.value;
  useEffect(() => {
    checked.value = undefined;
    if (present.trim() === '') return;
    let overtaken = false;
    const timer = setTimeout(
      async () => {
        const found = await check(present);
        if (!overtaken) checked.value = found;
      },
      present.length > large ? largeRestMs : restMs,
    );
    return () => {
      overtaken = true;
      clearTimeout(timer);
    };
  }, [present]);
  const faults = checked.value?.faults ?? refused;
  useEffect(() => {
    editor.current?.mark(
      faults.map(({ line, path, message }) => ({ line: line ?? 1, message: path === '' ? message : `${path}: ${message}` })),
    );
  }, [faults, mounted.value]);
  useEffect(() => {
    const line = refused.find((fault) => fault.line !== undefined)?.line;
    if (line !== undefined) goTo(line);
  }, [refused]);
  const goTo = (line: number) => {
    if (editor.current) editor.current.goTo(line);
    else if (plain.current) selectLine(plain.current, line);
  };
  return (
    <div class="field">
      {mounted.value ? <span>Project (YAML or JSON)</span> : <label for={id}>Project (YAML or JSON)</label>}
      <div class="editor" ref={frame}>
        {!mounted.value && (
          <textarea
            id={id}
            ref={plain}
            name="project"
            rows={18}
            spellcheck={false}
            aria-invalid={faults.length > 0}
            aria-describedby={`${id}-hint`}
            value={present}
            placeholder={example}
            onInput={(event) => take(event.currentTarget.value)}
          />
        )}
      </div>
      <div class="editor-foot">
        <small id={`${id}-hint`}>{mounted.value ? hint : 'Faults are listed below.'}</small>
        {mounted.value && (
          <button
            type="button"
            class="button quiet"
            // The editor keeps the focus: it would close the list when it loses it.
            onPointerDown={(event) => event.preventDefault()}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => editor.current?.suggest()}
          >
            Suggest
          </button>
        )}
      </div>
      <div role="status" class="small">
        {faults.length > 0 && <FaultList faults={faults} goTo={goTo} />}
        {faults.length === 0 && checked.value && <p class="muted">{checked.value.note}</p>}
      </div>
    </div>
  );
}

function FaultList({ faults, goTo }: { faults: readonly Fault[]; goTo: (line: number) => void }) {
  return (
    <ul class="editor-faults" aria-label="Faults">
      {faults.slice(0, mostListed).map(({ line, path, message }) => (
        <li key={`${line} ${path} ${message}`} class="editor-fault">
          {line !== undefined && (
            <button type="button" class="button quiet" onClick={() => goTo(line)}>
              Line {line}
            </button>
          )}
          <span class="problem">
            {path !== '' && <b>{path}: </b>}
            {message}
          </span>
        </li>
      ))}
      {faults.length > mostListed && <li class="muted">and {faults.length - mostListed} more</li>}
    </ul>
  );
}

/** Asks the balancer about a text, by the code that checks pushed projects. */
async function check(text: string): Promise<Checked> {
  try {
    const { warnings = [] } = await call<ProjectChecked>('POST', '/v1/projects/validate', { text });
    return { faults: [], note: ['No faults.', ...warnings.map(({ path, message }) => `${path}: ${message}.`)].join(' ') };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.faults.length > 0) return { faults: error.faults, note: '' };
    return { faults: [], note: `Not checked: ${error.message}` };
  }
}

/** The editor and the schema of projects. Undefined if the editor cannot be loaded, as by a page of another version: the plain field stays. */
async function loadEditor() {
  const schema = fetch('/project.schema.json')
    .then((response) => (response.ok ? (response.json() as Promise<Schema>) : undefined))
    .catch(() => undefined);
  try {
    const { CodeEditor } = await import('./code-editor.ts');
    return { CodeEditor, schema: await schema };
  } catch {
    return undefined;
  }
}

/** Selects a line of a text, counted from 1, and scrolls the text so that a few lines before it are seen. */
function selectLine(area: HTMLTextAreaElement, line: number): void {
  const lines = area.value.split('\n');
  const start = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  area.scrollTop = (area.scrollHeight / lines.length) * Math.max(0, line - 4);
}
