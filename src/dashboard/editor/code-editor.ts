import {
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
  completionKeymap,
  pickedCompletion,
  startCompletion,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { syntaxHighlighting } from '@codemirror/language';
import { EditorState } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, placeholder, type Rect } from '@codemirror/view';
import { classHighlighter } from '@lezer/highlight';
import { type DocumentPlace, placeAt } from './document-place.ts';
import { editorTheme } from './editor-theme.ts';
import { faultMarks, type LineFault, markFaults, selectLine, toNextFault } from './fault-marks.ts';
import { type Option, optionsAt, type Schema } from './schema-options.ts';

// Loaded when an editor is opened: the packages that it needs are larger than the rest of the page.

export interface CodeEditorSettings {
  readonly parent: HTMLElement;
  readonly text: string;
  /** Name for screen readers. */
  readonly label: string;
  /** Read by screen readers after the label. */
  readonly hint: string;
  readonly example: string;
  /** Undefined: nothing is completed. */
  readonly schema: Schema | undefined;
  readonly changed: (text: string) => void;
}

/** An editor for YAML and JSON that completes by a JSON Schema and marks faults at their lines. */
export class CodeEditor {
  readonly #host: HTMLElement;
  readonly #view: EditorView;

  constructor({ parent, text, label, hint, example, schema, changed }: CodeEditorSettings) {
    const state = EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        faultMarks,
        history(),
        drawSelection(),
        highlightActiveLine(),
        EditorView.lineWrapping,
        yaml(),
        syntaxHighlighting(classHighlighter),
        editorTheme,
        placeholder(example),
        EditorView.contentAttributes.of({ 'aria-label': label, 'aria-description': hint }),
        EditorView.updateListener.of(({ docChanged, state: now }) => {
          if (docChanged) changed(now.doc.toString());
        }),
        autocompletion({
          override: [(context) => complete(schema, context)],
          icons: false,
          interactionDelay: 0,
          positionInfo: besideOrBelow,
        }),
        keymap.of([{ key: 'F8', run: toNextFault }, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
      ],
    });
    // Inside a shadow root, styles are objects of the program. Outside, they would be elements, which the page's content policy forbids.
    this.#host = document.createElement('div');
    parent.append(this.#host);
    const root = this.#host.attachShadow({ mode: 'open', delegatesFocus: true });
    this.#view = new EditorView({ state, parent: root, root });
  }

  /** Replaces the whole text, unless it is the same already. */
  show(text: string): void {
    const { doc } = this.#view.state;
    if (doc.toString() !== text) this.#view.dispatch({ changes: { from: 0, to: doc.length, insert: text } });
  }

  mark(faults: readonly LineFault[]): void {
    markFaults(this.#view, faults);
  }

  goTo(line: number): void {
    selectLine(this.#view, line);
  }

  /** Opens the list of what can be written at the cursor. */
  suggest(): void {
    this.#view.focus();
    startCompletion(this.#view);
  }

  focus(): void {
    this.#view.focus();
  }

  close(): void {
    this.#view.destroy();
    this.#host.remove();
  }
}

/** Least width of a description beside the list, in CSS pixels. On narrower windows it stands below the list, or above it. */
const leastWidth = 240;

function besideOrBelow(_view: EditorView, list: Rect, _option: Rect, info: Rect, space: Rect): { style: string } {
  const right = space.right - list.right;
  if (right >= leastWidth) return { style: `left: 100%; top: 0; max-width: ${Math.min(right, 420)}px` };
  const width = `max-width: ${list.right - list.left}px`;
  const fits = list.bottom + info.bottom - info.top <= space.bottom;
  return { style: fits ? `left: 0; top: 100%; ${width}` : `left: 0; bottom: 100%; ${width}` };
}

function complete(schema: Schema | undefined, context: CompletionContext): CompletionResult | null {
  const text = context.state.doc.toString();
  const place = schema && placeAt(text, context.pos);
  if (schema === undefined || place === undefined) return null;
  const options = optionsAt(schema, place);
  return options.length === 0
    ? null
    : { from: place.from, options: options.map((option) => completion(option, place, text)), validFor: /^[\w.-]*$/ };
}

function completion(option: Option, place: DocumentPlace, text: string): Completion {
  const { word, detail, description, required, kind } = option;
  return {
    label: word,
    detail,
    type: kind === 'key' ? 'property' : 'constant',
    boost: required ? 1 : 0,
    ...(description !== '' && { info: () => textNode(description) }),
    apply: (view, picked, from, to) => {
      const closing = place.quote !== '' && view.state.sliceDoc(to, to + 1) === place.quote ? 1 : 0;
      const { insert, more } = written(option, place, text);
      view.dispatch({
        changes: { from: from - place.quote.length, to: to + closing, insert },
        selection: { anchor: from - place.quote.length + insert.length },
        userEvent: 'input.complete',
        annotations: pickedCompletion.of(picked),
      });
      if (more) startCompletion(view);
    },
  };
}

function textNode(text: string): HTMLElement {
  const element = document.createElement('p');
  element.textContent = text;
  return element;
}

/** The text of a completion. `more`: more can be completed right after it. */
function written({ word, kind, opens, dashed }: Option, place: DocumentPlace, text: string): { insert: string; more: boolean } {
  const isJson = /^\s*[{[]/.test(text);
  if (kind === 'value') {
    const quoted = place.quote !== '' || (isJson && !/^(?:true|false|null|-?\d[\d.]*)$/.test(word));
    return { insert: `${dashed ? '- ' : ''}${quoted ? JSON.stringify(word) : word}`, more: false };
  }
  const key = isJson || place.quote === '"' ? JSON.stringify(word) : word;
  if (place.flow) return { insert: `${key}: `, more: opens === 'value' };
  const inner = ' '.repeat(place.column + (dashed ? 4 : 2));
  const rest = opens === 'map' ? `\n${inner}` : opens === 'list' ? `\n${inner}- ` : ' ';
  return { insert: `${dashed ? '- ' : ''}${key}:${rest}`, more: true };
}
