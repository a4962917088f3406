import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { extname } from 'node:path'

/** What JsSIP requires that only Node has, in the form browsers can run. */
const MODULES: Readonly<Record<string, string>> = { events: 'events/', debug: 'debug/src/browser.js' }

let expression: string | undefined

/**
 * JsSIP and what it needs, as one expression whose value is `JsSIP`: its package has only CommonJS modules, which no browser loads. Each
 * of them is a function in it, as it stands in node_modules.
 */
export function jssipExpression(): string {
  if (expression !== undefined) return expression
  const modules = new Map<string, string>()
  const main = addModule(createRequire(import.meta.url).resolve('jssip'), modules)
  const names = new Map([...modules.keys()].map((path, index) => [path, `m${index}`]))
  const sources = [...modules].map(([path, source]) => `${names.get(path)}: ${named(source, names)}`)
  return (expression = `(() => {
const loaded = {}
const sources = {
${sources.join(',\n')}
}
const load = (name) => {
  if (loaded[name]) return loaded[name].exports
  const module = (loaded[name] = { exports: {} })
  sources[name](module, module.exports, load)
  return module.exports
}
return load('${names.get(main)}')
})()`)
}

/** A place of a module's path in a text, until it has its short name: paths of this machine are nobody's business. */
const placeOf = (path: string): string => `\0${path}\0`

function named(source: string, names: ReadonlyMap<string, string>): string {
  // oxlint-disable-next-line no-control-regex -- It is ours, and in no source.
  return source.replaceAll(/\0([^\0]+)\0/g, (_all, path: string) => names.get(path)!)
}

/** Adds a module, and those it requires, as functions of (module, exports, require). Returns its path. */
function addModule(path: string, modules: Map<string, string>): string {
  if (modules.has(path)) return path
  modules.set(path, '')
  const text = readFileSync(path, 'utf8')
  if (extname(path) === '.json') {
    modules.set(path, `(module) => { module.exports = ${text} }`)
    return path
  }
  const { resolve } = createRequire(path)
  const linked = text.replaceAll(
    /\brequire\((['"])([^'"]+)\1\)/g,
    (_all, _quote, name: string) => `require('${placeOf(addModule(resolve(MODULES[name] ?? name), modules))}')`,
  )
  modules.set(path, `function (module, exports, require) {${linked}\n}`)
  return path
}
