import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import * as fc from 'fast-check'
import { countedIds, only } from '../../../gateway/srf/quick-parts.ts'

const require = createRequire(createRequire(import.meta.url).resolve('drachtio-srf'))
const PACKAGE = 'only'
const GATEWAY = new URL('../../../gateway/srf.ts', import.meta.url).href

/** The package itself, whoever has put ours in its place. */
function original(): typeof only {
  const file = require.resolve(PACKAGE)
  const kept = require.cache[file]
  delete require.cache[file]
  const theirs = require(file) as typeof only
  if (kept) require.cache[file] = kept
  return theirs
}

describe('drachtio-srf’s small parts', () => {
  it('pick the same properties of an object as the package does', () => {
    const theirs = original()
    const name = fc.constantFrom('body', 'method', 'status', '', 'toString', 'none')
    const names = fc.oneof(
      fc.array(name),
      fc.array(name).map((all) => all.join(' ')),
      fc.constantFrom(' a  b ', 'a b'),
    )
    const object = fc.option(fc.dictionary(name, fc.constantFrom(0, '', null, undefined, false, 'x', 3)))
    fc.assert(
      fc.property(object, names, (from, list) => {
        assert.deepEqual(Object.entries(only(from, list)), Object.entries(theirs(from, list)))
      }),
    )
  })

  it('name messages so that no two are alike, nor those of two gateways', () => {
    const [one, other] = [countedIds(), countedIds()]
    const ids = Array.from({ length: 1000 }, () => [one(), other()]).flat()
    assert.equal(new Set(ids).size, 2000)
    for (const id of ids) assert.match(id, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  })

  it('are ours in the one the gateway uses', () => {
    const program = `await import(${JSON.stringify(GATEWAY)})
      const require = process.getBuiltinModule('module').createRequire(${JSON.stringify(require.resolve('drachtio-srf'))})
      console.log(require('only').name, require('uuid-random')())`
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    assert.match(said, /^only [\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-0{11}1$/m)
  })
})
