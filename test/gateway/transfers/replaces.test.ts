import assert from 'node:assert/strict'
import { readReplaces, writeReplaces } from '../../../gateway/transfers/replaces.ts'

describe('a Replaces header', () => {
  it('names a dialog as the one who gets it knows it', () => {
    const read = readReplaces(' 425928@bobster.example.org ; to-tag=7743;from-tag = 6472 ;x=y')
    assert.deepEqual(read, {
      callId: '425928@bobster.example.org',
      toTag: '7743',
      fromTag: '6472',
      isEarlyOnly: false,
    })
    assert.equal(writeReplaces(read), '425928@bobster.example.org;to-tag=7743;from-tag=6472')
  })

  it('may be meant for a call that only rings', () => {
    const read = readReplaces('a@b;from-tag=1;Early-Only;to-tag=2')
    assert.equal(read?.isEarlyOnly, true)
    assert.equal(writeReplaces(read), 'a@b;to-tag=2;from-tag=1;early-only')
  })

  for (const [what, text] of [
    ['nothing', ''],
    ['one tag', 'a@b;to-tag=1'],
    ['an empty tag', 'a@b;to-tag=;from-tag=2'],
    ['a tag twice', 'a@b;to-tag=1;to-tag=2;from-tag=3'],
    ['two dialogs', 'a@b;to-tag=1;from-tag=2, c@d;to-tag=3;from-tag=4'],
    ['a line more', 'a@b;to-tag=1;from-tag=2\r\nVia: x'],
    ['what is too long', `${'a'.repeat(257)};to-tag=1;from-tag=2`],
  ] as const) {
    it(`with ${what} is unreadable`, () => assert.equal(readReplaces(text), null))
  }
})
