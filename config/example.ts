import { stringify } from 'yaml'
import { CATALOGUE } from './catalogue.ts'
import type { Setting } from './setting.ts'
import { variableOf } from './setting-sources.ts'

const HEADING = `# Every setting, with its default. Copy what you change into config/config.yaml, or name another file by --config FILE.
# Stronger than the file are the DCE_… variables, and stronger than those the flags: --server.port 8080.
# Made from config/catalogue.ts by \`node config/example.ts > config/config.example.yaml\`; a test keeps the two alike.
`

/** The text of config.example.yaml: every line a comment, so that the file as it stands changes nothing. */
export function exampleFile(): string {
  const lines = [HEADING]
  let sections: readonly string[] = []
  for (const [key, setting] of Object.entries(CATALOGUE) as [string, Setting<unknown, string, unknown>][]) {
    const path = key.split('.')
    const name = path.pop()!
    if (path[0] !== sections[0]) lines.push('')
    path.forEach((section, depth) => {
      if (sections.slice(0, depth + 1).join('.') !== path.slice(0, depth + 1).join('.')) {
        lines.push(`${depth === 0 ? '' : '#'}${'  '.repeat(depth)}${section}:`)
      }
    })
    sections = path
    const indent = '  '.repeat(path.length)
    const { kind, notAvailable } = setting
    const missing = notAvailable === true ? ' Not available yet.' : ''
    lines.push(`${indent}# ${setting.description}${missing} ${variableOf(key)}: ${kind.allowed}.`)
    const value = setting.default !== null && kind.write ? kind.write(setting.default) : setting.default
    lines.push(`#${indent}${name}:${value === null ? '' : ` ${stringify(value, { collectionStyle: 'flow' }).trim()}`}`)
  }
  return `${lines.join('\n')}\n`
}

if (import.meta.main) process.stdout.write(exampleFile())
