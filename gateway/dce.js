#!/usr/bin/env node
// The entry of every command, in plain JavaScript so that an old Node can still say what is missing. The project brings
// its own Node 24 (the `node` package); started by an older one, this file hands over to that. `dce demo` on a fresh
// clone installs the packages first: the demo is the first thing anybody runs.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const WANTED = 24
const root = fileURLToPath(new URL('..', import.meta.url))
const own = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))
const packages = fileURLToPath(new URL('../node_modules/drachtio-srf', import.meta.url))
/** What Node has made of our sources, for the next start; where it cannot be written, each start makes it anew. */
const compiled = fileURLToPath(new URL('../node_modules/.cache/dce', import.meta.url))
const words = process.argv.slice(2)
const isModern = Number(process.versions.node.split('.')[0]) >= WANTED
/** An image of ours may leave the `node` package out, having a Node 24 of its own. */
const isInstalled = () => existsSync(packages) && (isModern || existsSync(own))

if (!isInstalled() && words[0] === 'demo') {
  process.stdout.write('Installing the npm packages (npm ci), once …\n')
  spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: 'inherit' })
}

if (!isInstalled()) {
  process.stderr.write(
    `dce needs its packages, Node ${WANTED} among them, and they are not installed: run "npm ci" in the project.\n`,
  )
  process.exit(1)
} else if (isModern) {
  // Each thread would load the compiler that takes our types off, 18 MB, and do again what the last start did. Coverage is
  // less exact with it.
  if (!process.env.NODE_V8_COVERAGE) {
    module.enableCompileCache(compiled)
    process.env.NODE_COMPILE_CACHE ??= compiled // What worker threads go by.
  }
  const { main } = await import('./commands/cli.ts')
  await main(words)
} else {
  const flags = ['--max-semi-space-size=128', '--initial-old-space-size=224', '--disable-warning=ExperimentalWarning']
  const child = spawn(own, [...flags, fileURLToPath(import.meta.url), ...words], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code) => process.exit(code ?? 1))
}
