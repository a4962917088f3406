import assert from 'node:assert/strict'
import fc from 'fast-check'
import { safeFileName, safeText, safeWord, UnsafeText } from '../../../media/freeswitch/event-socket-text.ts'

describe('What may reach the event socket', () => {
  it('is what says nothing but itself', () => {
    for (const text of ['uuid_bridge', 'tone_stream://%(2000,4000,440)', '/var/lib/x.wav', 'a b', '$', 'été'])
      assert.equal(safeText('x', text), text)
  })

  it('is no second command, no second header and nothing FreeSWITCH would expand', () => {
    for (const text of [
      'a\nb',
      'a\r',
      '\n\napi shutdown',
      'a\0b',
      'a\u007f',
      '${system ls}',
      'x${y}',
      '$${z}',
      'x'.repeat(2049),
    ])
      assert.throws(() => safeText('the name', text), UnsafeText, JSON.stringify(text))
  })

  it('is refused by its name, and its text goes into no log', () => {
    assert.throws(
      () => safeText('the name of a prompt', 'secret\n'),
      (error) => {
        assert.ok(error instanceof UnsafeText)
        assert.match(error.message, /^the name of a prompt/)
        assert.doesNotMatch(error.message, /secret/)
        return true
      },
    )
  })

  it('never holds a line break or an expansion, whatever came in', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '$', '{', '}', '\n', '\r', ' ', '/', '.') }), (text) => {
        try {
          assert.doesNotMatch(safeText('x', text), /[\r\n]|\$\{|\$\$/)
          assert.doesNotMatch(safeWord('x', text), /\s/)
          assert.doesNotMatch(safeFileName('x', text), /\/|\.\./)
        } catch (error) {
          assert.ok(error instanceof UnsafeText)
        }
      }),
    )
  })

  it('names a file of a folder, and no path', () => {
    for (const name of ['welcome', 'welcome.wav', 'de_01-hold.wav']) assert.equal(safeFileName('x', name), name)
    for (const name of ['', '.', '../x', 'a/b', '.hidden', 'a b', 'a..b', 'x'.repeat(129), 'a\nb'])
      assert.throws(() => safeFileName('x', name), UnsafeText, name)
  })
})
