#!/usr/bin/env node
// The entry of every command, in plain JavaScript so that an old Node can still say what is missing. The project brings
// its own Node 24 (the `node` package); started by an older one, this file hands over to that.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const WANTED = 24
const own = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))

if (Number(process.versions.node.split('.')[0]) >= WANTED) {
  const { main } = await import('./cli.ts')
  await main(process.argv.slice(2))
} else if (existsSync(own)) {
  const flags = ['--max-semi-space-size=32', '--disable-warning=ExperimentalWarning']
  const child = spawn(own, [...flags, fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code) => process.exit(code ?? 1))
} else {
  process.stderr.write(
    `dce needs Node ${WANTED}; this is ${process.version}. Run "npm install" in the project: it brings one.\n`,
  )
  process.exit(1)
}
