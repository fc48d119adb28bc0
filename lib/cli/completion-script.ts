/**
 * For bash and for zsh, whichever reads it: `$SHELL`, by which yargs tells them apart, is the login shell. It is set for
 * the question, since yargs answers zsh with descriptions. bash takes words apart at `=`.
 */
export const COMPLETION_SCRIPT = `#compdef holdstill
###-begin-holdstill-completions-###
# Installation: holdstill completion >> ~/.bashrc
#           or: holdstill completion >> ~/.zshrc
if [ -n "\${ZSH_VERSION-}" ]; then
  _holdstill_yargs_completions() {
    local -a reply
    reply=("\${(@f)$(SHELL=zsh holdstill --get-yargs-completions "\${(@)words[1,CURRENT]}" 2>/dev/null)}")
    reply=("\${(@)reply:#}")
    if (( \${#reply} > 0 )); then
      _describe 'holdstill' reply
    else
      _default
    fi
  }
  if [[ "\${zsh_eval_context[-1]}" == "loadautofunc" ]]; then
    _holdstill_yargs_completions "$@"
  else
    whence compdef >/dev/null || { autoload -Uz compinit && compinit; }
    compdef _holdstill_yargs_completions holdstill
  fi
else
  _holdstill_yargs_completions() {
    local current="\${COMP_WORDS[COMP_CWORD]}" word
    local -a words=() found=()
    for word in "\${COMP_WORDS[@]:0:COMP_CWORD}"; do
      [ "$word" = "=" ] || words+=("$word")
    done
    [ "$current" = "=" ] && current=""
    mapfile -t found < <(SHELL=bash holdstill --get-yargs-completions "\${words[@]}" "$current" 2>/dev/null)
    COMPREPLY=()
    for word in "\${found[@]}"; do
      [ "\${word#"$current"}" = "$word" ] && [ -n "$current" ] || COMPREPLY+=("$word")
    done
  }
  complete -o bashdefault -o default -F _holdstill_yargs_completions holdstill
fi
###-end-holdstill-completions-###
`;
