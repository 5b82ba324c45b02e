import { printable } from '../terminal/text.ts';
import type { Completion, CompletionItem } from './completion.ts';

/** A shell's completion script, and the format in which the script reads possible next words. */
interface Shell {
  /** Runs `sluice completion SHELL -- WORDS` at each press of the completion key. */
  readonly script: string;
  /** Shows the user how to load the script. */
  readonly install: string;
  /** Formats one possible next word. */
  line(item: CompletionItem): string;
}

/** Printed instead of words: the shell completes file names by itself. It cannot be mistaken for a name, since none begins with a colon. */
const files = ':files';

const bash = `# Completion of sluice for bash. Load it with: source <(sluice completion bash)
_sluice() {
  local line=\${COMP_LINE:0:COMP_POINT} words=() candidate
  # The words as typed: in COMP_WORDS bash splits them at @, : and = as well.
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  while ((\${#words[@]})) && [[ \${words[0]} != "$1" ]]; do words=("\${words[@]:1}"); done
  ((\${#words[@]} > 1)) || return 0
  # Bash replaces only the part of the word after the last @, : or =.
  local current=\${words[\${#words[@]}-1]}
  local kept=\${current%"$2"}
  COMPREPLY=()
  while IFS= read -r candidate; do
    if [[ $candidate == ${files} ]]; then
      compopt -o default 2> /dev/null
      return 0
    fi
    COMPREPLY+=("\${candidate#"$kept"}")
  done < <("\${1/#\\~/$HOME}" completion bash -- "\${words[@]:1}" 2> /dev/null)
}
complete -F _sluice sluice
`;

const zsh = `#compdef sluice
# Completion of sluice for zsh. Load it with: source <(sluice completion zsh), after compinit
_sluice() {
  local -a candidates
  candidates=("\${(@f)$("\${(Q)words[1]}" completion zsh -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2> /dev/null)}")
  candidates=("\${(@)candidates:#}")
  if [[ \${candidates[1]} == ${files} ]]; then
    _files
  elif ((\${#candidates})); then
    _describe sluice candidates
  fi
}
if [[ \${funcstack[1]} == _sluice ]]; then
  _sluice "$@"
else
  compdef _sluice sluice
fi
`;

const fish = `# Completion of sluice for fish. Load it with: sluice completion fish | source
function __sluice_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l candidates ($words[1] completion fish -- $words[2..-1] "$current" 2>/dev/null)
    if test "$candidates[1]" = ${files}
        __fish_complete_path "$current"
    else
        printf '%s\\n' $candidates
    end
end
complete -c sluice -f -a '(__sluice_complete)'
`;

/** The supported shells. */
export const shells: Readonly<Record<string, Shell>> = {
  bash: { script: bash, install: 'source <(sluice completion bash)   in ~/.bashrc', line: ({ text }) => text },
  zsh: {
    script: zsh,
    install: 'source <(sluice completion zsh)    in ~/.zshrc, after compinit',
    line: ({ text, about }) => [text.replace(/[\\:]/g, '\\$&'), ...(about ? [about] : [])].join(':'),
  },
  fish: {
    script: fish,
    install: 'sluice completion fish | source    in ~/.config/fish/config.fish',
    line: ({ text, about }) => [text, ...(about ? [about] : [])].join('\t'),
  },
};

/** A completion as lines for the shell's script. */
export function completionLines(shell: Shell, completion: Completion): string[] {
  return completion === 'files'
    ? [files]
    : completion.map(({ text, about }) => shell.line({ text: printable(text), ...(about !== undefined && { about: printable(about) }) }));
}
