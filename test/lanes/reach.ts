import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'

/** Of Node itself: what reckons, and what reads and writes files. Anything else may open a socket or start a process or a thread. */
const NODE_MODULES = new Set(
  [
    'assert',
    'assert/strict',
    'buffer',
    'crypto',
    'events',
    'fs',
    'fs/promises',
    'module',
    'os',
    'path',
    'perf_hooks',
  ].concat(['stream', 'stream/promises', 'string_decoder', 'timers', 'timers/promises', 'url', 'util', 'v8', 'zlib']),
)
const PACKAGES = new Set(
  [
    '@marcbachmann/cel-js',
    'fast-check',
    'ipaddr.js',
    'jose',
    'pdfkit',
    'pino',
    'prom-client',
    'sdp-transform',
    'yaml',
  ].concat(['zod']),
)
/** They read addresses, and are asked of the module that also opens sockets. */
const READS_ADDRESSES = /^\{\s*(?:(?:isIP|isIPv4|isIPv6|BlockList)\s*,?\s*)+\}$/

const IMPORT = /^(?:import|export)\s+(?!type\b)(?:([^'"`;]*?)\s+from\s+)?'([^']+)'/gm
const LOADED_LATER = /\bimport\(\s*'([^']+)'\s*\)|\bnew URL\(\s*'(\.[^']*\.[cm]?[jt]s)'/g
const ASKS_THE_NET = /\bfetch\(|\bnew (?:WebSocket|EventSource)\(/
/** Of a test or its support: it waits for a time, or measures one. */
const WAITS = /timers\/promises|\bset(?:Timeout|Interval)\(|\bperformance\.now\(|\bhrtime\b/

/**
 * Why a test file cannot be run among others at a low priority: the first thing found, in it or in what it imports, that opens a socket,
 * starts a process or a thread, or waits for a time. Null when it does nothing but reckon, and read and write files. It goes by the text
 * of the imports: what it does not know counts as such a thing.
 */
export function whyNotReckoning(root: string, test: string): string | null {
  const seen = new Set([test])
  for (const file of seen) {
    const text = readFileSync(resolve(root, file), 'utf8')
    if (ASKS_THE_NET.test(text)) return `${file} asks the net`
    if (file.startsWith('test/') && WAITS.test(text)) return `${file} waits for a time`
    for (const [, names, from] of text.matchAll(IMPORT)) {
      const why = whyNot(file, names, from!)
      if (why) return why
    }
    for (const [, imported, url] of text.matchAll(LOADED_LATER)) {
      const why = whyNot(file, undefined, imported ?? url!)
      if (why) return why
    }
  }
  return null

  function whyNot(file: string, names: string | undefined, from: string): string | null {
    if (from.startsWith('.')) {
      const path = relative(root, resolve(root, dirname(file), from))
      // A folder's or page's address is read, not run.
      if (/\.[cm]?[jt]s$/.test(path) && existsSync(resolve(root, path)) && statSync(resolve(root, path)).isFile())
        seen.add(path)
      return null
    }
    if (from.startsWith('node:')) {
      if (NODE_MODULES.has(from.slice('node:'.length))) return null
      if (from === 'node:net' && names !== undefined && READS_ADDRESSES.test(names)) return null
    } else if (PACKAGES.has(from)) return null
    return `${file} imports ${from}`
  }
}
