"""Completion for bash and zsh, made from the parser: it cannot name a verb or an option that there is not."""

from __future__ import annotations

import argparse

SHELLS = ("bash", "zsh")

BASH = """\
# source <(./golive completion bash)
_golive() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words
  case $before in
    -i|--inventory|--records|--allowed-signers|--grafana|--key|--output) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  case $COMP_CWORD:${{COMP_WORDS[1]}} in
    1:*) words="{verbs}" ;;
{cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _golive golive ./golive
"""
ZSH = """\
# source <(./golive completion zsh)
autoload -U +X compinit && compinit -u
autoload -U +X bashcompinit && bashcompinit
"""


def _parts(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def words(parser: argparse.ArgumentParser) -> list[str]:
    """Return what can follow a verb: its parts, choices and options."""
    found = list(_parts(parser))
    for action in parser._actions:
        found += action.option_strings
        if action.choices and not isinstance(action, argparse._SubParsersAction) and not action.option_strings:
            found += list(action.choices)
    for part in _parts(parser).values():
        found += [option for action in part._actions for option in action.option_strings]
    return list(dict.fromkeys(found))


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """Return the completion for a shell, to be sourced."""
    verbs = _parts(parser)
    cases = "\n".join(f'    *:{name}) words="{" ".join(words(verb))}" ;;' for name, verb in verbs.items())
    made = BASH.format(verbs=" ".join(verbs), cases=cases)
    return made.rstrip() if shell == "bash" else f"{ZSH}{made.partition(chr(10))[2]}".rstrip()
