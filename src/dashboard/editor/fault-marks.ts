import { type EditorState, type Extension, RangeSet, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, GutterMarker, gutterLineClass } from '@codemirror/view';

/** A fault to be marked in a text. */
export interface LineFault {
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

const setMarks = StateEffect.define<DecorationSet>();

const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(present, { changes, effects }) {
    const set = effects.find((effect) => effect.is(setMarks));
    return set ? (set.value as DecorationSet) : present.map(changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

const gutterMark = new (class extends GutterMarker {
  override readonly elementClass = 'cm-faulty-line';
})();

/** Underlines the text of faulty lines, and colours their numbers. */
export const faultMarks: Extension = [
  marks,
  gutterLineClass.compute([marks], (state) => RangeSet.of(linesWithMarks(state).map((from) => gutterMark.range(from)))),
];

/** Replaces the marks. The pointer shows the message of a mark. */
export function markFaults(view: EditorView, faults: readonly LineFault[]): void {
  const { doc } = view.state;
  const messages = new Map<number, string[]>();
  for (const { line, message } of faults) {
    if (line <= doc.lines) messages.set(line, [...(messages.get(line) ?? []), message]);
  }
  const found = [...messages]
    .sort(([one], [other]) => one - other)
    .flatMap(([line, all]) => {
      const { from, to, text } = doc.line(line);
      const begin = to - text.trimStart().length;
      return begin < to
        ? [
            Decoration.mark({ class: 'cm-faulty', attributes: { title: all.join('\n') } }).range(
              begin,
              Math.max(begin, from + text.trimEnd().length),
            ),
          ]
        : [];
    });
  view.dispatch({ effects: setMarks.of(Decoration.set(found)) });
}

/** Selects the next line with a mark after the cursor, or the first one. Returns false if there is none. */
export function toNextFault(view: EditorView): boolean {
  const lines = linesWithMarks(view.state);
  const present = view.state.doc.lineAt(view.state.selection.main.head).from;
  const next = lines.find((from) => from > present) ?? lines[0];
  if (next === undefined) return false;
  selectLine(view, view.state.doc.lineAt(next).number);
  return true;
}

/** Selects a line and shows it. */
export function selectLine(view: EditorView, line: number): void {
  const { doc } = view.state;
  const { from, to } = doc.line(Math.min(line, doc.lines));
  view.dispatch({ selection: { anchor: from, head: to }, effects: EditorView.scrollIntoView(from, { y: 'center' }) });
  view.focus();
}

/** Offsets at which lines with marks begin. */
function linesWithMarks(state: EditorState): number[] {
  const lines = new Set<number>();
  for (const at = state.field(marks).iter(); at.value !== null; at.next()) lines.add(state.doc.lineAt(at.from).from);
  return [...lines];
}
