import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const FLAG = /--(?:max-semi-space-size|initial-old-space-size)=\d+/g

/** The sizes that V8 is told in what a file says, or in the part of it that begins with `from`. */
function sizesIn(path: string, from = ''): string {
  const text = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
  const at = text.indexOf(from)
  assert.ok(at >= 0, `${path} has no ${from}`)
  return [...text.slice(at).matchAll(FLAG)]
    .slice(0, 2)
    .map(([flag]) => flag)
    .join(' ')
}

describe('The sizes V8 is started with', () => {
  it('are the same however an exchange is started', () => {
    const usual = sizesIn('package.json', '"start":')
    assert.match(usual, /^--max-semi-space-size=\d+ --initial-old-space-size=\d+$/)
    assert.equal(sizesIn('package.json', '"demo":'), usual)
    assert.equal(sizesIn('gateway/dce.js', 'const flags ='), usual)
    assert.equal(sizesIn('docker/Dockerfile', 'ENTRYPOINT'), usual)
    assert.equal(sizesIn('sipp/exchange-process.ts', 'const NODE_FLAGS ='), usual)
  })

  it('let the old generation be looked through only once there is something to find', () => {
    // V8 does so when what is left to the initial size is less than half a young generation; 70 MB are alive under load.
    const [half, initial] = sizesIn('package.json', '"start":').match(/\d+/g)!.map(Number)
    assert.ok(initial! - half! >= 70, `${initial} − ${half} MB`)
  })
})
