import { EditorView } from '@codemirror/view';

const code = { fontFamily: 'ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace', fontSize: '12.5px', lineHeight: '1.55' };
const floating = {
  color: 'var(--text)',
  background: 'var(--raised)',
  border: '1px solid var(--line)',
  borderRadius: '8px',
  boxShadow: 'var(--shadow-high)',
};

/** The look of the editor, in the colours of the page. Names with `tok-` are those of the highlighting. */
export const editorTheme = EditorView.theme({
  '&': {
    height: 'min(56vh, 520px)',
    background: 'var(--sunk)',
    border: '1px solid var(--line-strong)',
    borderRadius: '8px',
    overflow: 'hidden',
  },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '1px' },
  '.cm-scroller': code,
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-gutters': { color: 'var(--muted)', background: 'var(--sunk)', borderRight: '1px solid var(--line)' },
  '.cm-activeLine': { background: 'light-dark(#4f46e50d, #8b8ff814)' },
  '.cm-activeLineGutter': { background: 'var(--accent-fill)', color: 'var(--text)' },
  '.cm-cursor, &.cm-focused .cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-selectionLayer .cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {
    background: 'var(--accent-fill)',
  },
  '.cm-placeholder': { color: 'var(--muted)' },
  '.tok-propertyName': { color: 'var(--accent)' },
  '.tok-string, .tok-number, .tok-bool': { color: 'var(--good)' },
  '.tok-comment, .tok-meta': { color: 'var(--muted)' },
  '.tok-keyword, .tok-labelName': { color: 'var(--warn)' },
  '.cm-faulty': { textDecoration: 'underline wavy var(--bad)', textUnderlineOffset: '3px' },
  '.cm-faulty-line': { color: 'var(--bad)', fontWeight: '700' },
  '.cm-tooltip': { ...floating, boxSizing: 'border-box', maxWidth: 'min(420px, calc(100vw - 24px))' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { ...code, maxWidth: 'min(420px, calc(100vw - 24px))', maxHeight: '15em' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': {
    display: 'flex',
    gap: '12px',
    justifyContent: 'space-between',
    padding: '3px 8px',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': { color: 'var(--text)', background: 'var(--accent-soft)' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  '.cm-completionDetail': {
    margin: '0',
    fontStyle: 'normal',
    color: 'var(--muted)',
    overflow: 'hidden',
    textOverflow: 'ellipsis',
  },
  '.cm-tooltip.cm-completionInfo': {
    padding: '8px 10px',
    fontSize: '12px',
    lineHeight: '1.4',
    whiteSpace: 'normal',
    overflowWrap: 'anywhere',
  },
  '.cm-completionInfo p': { margin: '0' },
});
