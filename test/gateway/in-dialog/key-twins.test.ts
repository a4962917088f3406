import assert from 'node:assert/strict'
import { KeyTwins, TWIN_MS } from '../../../gateway/in-dialog/key-twins.ts'

describe('the twins of a key', () => {
  it('are two tellings of one key in two ways, one for one', () => {
    const twins = new KeyTwins()
    const told = (['info 5', 'rtp 5', 'rtp 5', 'info 5', 'info 5', 'info 6', 'rtp 5'] as const).map((one, i) => {
      const [how, digit] = one.split(' ') as ['rtp' | 'info', string]
      return twins.isTwin(how, digit, i)
    })
    assert.deepEqual(told, [false, true, false, true, false, false, true])
  })

  it('are none when too much time has passed between them', () => {
    const twins = new KeyTwins()
    twins.isTwin('info', '5', 0)
    assert.equal(twins.isTwin('rtp', '5', TWIN_MS + 1), false)
    assert.equal(twins.isTwin('info', '5', 2 * TWIN_MS + 1), true)
  })

  it('are remembered up to a limit', () => {
    const twins = new KeyTwins()
    for (let i = 0; i < 100; i++) twins.isTwin('info', '5', 0)
    const found = Array.from({ length: 100 }, () => twins.isTwin('rtp', '5', 0)).filter((isTwin) => isTwin)
    assert.equal(found.length, 64)
  })
})
