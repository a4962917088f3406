import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { askFirst } from '../../../gateway/srf/quiet-debug.ts'

const require = createRequire(import.meta.url)
const GATEWAY = new URL('../../../gateway/srf.ts', import.meta.url).href
const AGENT = require.resolve('drachtio-srf/lib/drachtio-agent.js')

describe('drachtio-srf’s debug lines', () => {
  it('are put together only for those who read them', () => {
    const program = (source: string) =>
      // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-type-assertion -- A program is what is tested.
      new Function('debug', 'text', source) as (debug: object, text: () => string) => void
    const source = ['if (true)', '  debug(`sent: ${text()}`);', 'else debug(text());'].join('\n')
    let made = 0
    const read: string[] = []
    const text = (): string => `text ${++made}`
    const debug = (isRead: boolean) => Object.assign((line: string) => void read.push(line), { enabled: isRead })

    program(askFirst(source))(debug(false), text)
    assert.equal(made, 0)
    program(askFirst(source))(debug(true), text)
    assert.deepEqual(read, ['sent: text 1'])
  })

  it('are all told apart from everything else: nothing else of it changes', () => {
    const source = readFileSync(AGENT, 'utf8')
    const lines = source.split('\n')
    const changed = askFirst(source)
      .split('\n')
      .filter((line, n) => line !== lines[n])
    assert.equal(changed.length, lines.filter((line) => /^\s*debug/.test(line)).length)
    assert.ok(changed.length > 20)
    assert.ok(changed.every((line) => /^\s*(debug\w*)\.enabled && \1\(/.test(line)))
  })

  it('of the one the gateway uses ask first', () => {
    // A process of its own: in this one others may have loaded it before us.
    const program = `await import(${JSON.stringify(GATEWAY)})
      const Agent = process.getBuiltinModule('module').createRequire(${JSON.stringify(GATEWAY)})(${JSON.stringify(AGENT)})
      const Srf = process.getBuiltinModule('module').createRequire(${JSON.stringify(GATEWAY)})('drachtio-srf')
      console.log(Agent.prototype.sendMessage.toString(), Srf.prototype.createUAC.toString())`
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    assert.match(said, /debug\.enabled && debug\(`sendMessage/)
    assert.match(said, /debug\.enabled && debug\('createUAC/)
    assert.doesNotMatch(said, /^ *debug\w*\(/m)
  })
})
