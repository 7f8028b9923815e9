/**
 * Owns completion scripts, made from the tree of commands so that they cannot fall behind it. Names of topics and groups
 * are asked of the broker.
 */
import type { Command, Option } from 'commander'

export type Shell = 'bash' | 'zsh' | 'fish'

export function completionScript(program: Command, shell: Shell): string {
  const paths = pathsOf(program, [])
  if (shell === 'fish') return fishScript(paths)
  const script = bashScript(paths)
  return shell === 'bash' ? script : `#compdef ottla\nautoload -U +X bashcompinit && bashcompinit\n${script}`
}

/** A command by its words, with what may follow: `['topic', 'create']`. */
interface Path {
  readonly words: readonly string[]
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly Option[]
  /** What its arguments name, which is listed. */
  readonly names: 'topic' | 'group' | null
}

function pathsOf(command: Command, words: readonly string[]): Path[] {
  const commands = command.commands.map((child) => ({ name: child.name(), description: child.description() }))
  const own: Path = { words, commands, options: command.options, names: namesOf(words) }
  return [own, ...command.commands.flatMap((child) => pathsOf(child, [...words, child.name()]))]
}

function namesOf([first = '', second]: readonly string[]): Path['names'] {
  if (first === 'produce' || first === 'consume') return 'topic'
  if (second === undefined || second === 'list' || second === 'create') return null
  return first === 'topic' || first === 'group' ? first : null
}

function listCommand(kind: string): string {
  return `ottla ${kind} list 2>/dev/null | awk 'NR > 1 { print $1 }'`
}

/** The words before the cursor that are no options find the command; zsh runs the same through bashcompinit. */
function bashScript(paths: readonly Path[]): string {
  const cases = paths.map((path) => {
    const words = [...path.commands.map(({ name }) => name), ...path.options.flatMap(flagsOf)].join(' ')
    const names = path.names === null ? '' : ` names=${path.names}`
    return `    '${path.words.join(' ')}') words='${words}'${names} ;;`
  })
  return `_ottla() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' words='' names='' i
  for ((i = 1; i < COMP_CWORD && i < 3; i++)); do
    case "\${COMP_WORDS[i]}" in -*) break ;; esac
    case " ${paths.map((path) => path.words.join('/')).join(' ')} " in
      *" \${path:+\${path// //}/}\${COMP_WORDS[i]} "*) path="\${path:+$path }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  case "$current" in -*) ;; *) [ -n "$names" ] && words="$words $(${listCommand('$names')})" ;; esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _ottla ottla
`
}

function fishScript(paths: readonly Path[]): string {
  const lines = ['complete -c ottla -f']
  for (const path of paths) {
    const seen = path.words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')
    const here = path.words.length === 0 ? '__fish_use_subcommand' : seen
    const names = path.commands.map(({ name }) => name).join(' ')
    const fresh =
      path.words.length === 0 || names === '' ? here : `${here}; and not __fish_seen_subcommand_from ${names}`
    for (const { name, description } of path.commands)
      lines.push(`complete -c ottla -n '${fresh}' -a ${name} -d ${quoted(description)}`)
    for (const option of path.options)
      lines.push(`complete -c ottla -n '${here}' ${fishFlags(option)} -d ${quoted(option.description)}`)
    if (path.names !== null)
      lines.push(`complete -c ottla -n '${here}' -a "(${listCommand(path.names).replaceAll('$', '\\$')})"`)
  }
  return `${lines.join('\n')}\n`
}

function flagsOf(option: Option): string[] {
  return [option.short, option.long].filter((flag) => flag !== undefined && flag !== null)
}

function fishFlags(option: Option): string {
  const short = option.short === undefined ? '' : `-s ${option.short.slice(1)} `
  const choices = option.argChoices === undefined ? '' : ` -xa '${option.argChoices.join(' ')}'`
  const argument = choices === '' && option.required ? ' -r' : choices
  return `${short}-l ${option.long?.slice(2) ?? ''}${argument}`
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
