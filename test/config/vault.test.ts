import assert from 'node:assert/strict'
import { sealedBy, Vault } from '../../config/vault.ts'

const key = (id: string, byte: number) => ({ id, key: Buffer.alloc(32, byte) })

describe('the vault', () => {
  it('opens what it sealed, for the thing it was sealed for alone', () => {
    const vault = new Vault([key('a', 1)])
    const sealed = vault.seal('whsec', 'webhooks.secret', 'one')
    assert.equal(vault.open(sealed, 'webhooks.secret', 'one'), 'whsec')
    assert.ok(!sealed.includes('whsec'))
    assert.throws(() => vault.open(sealed, 'webhooks.secret', 'two'), { name: 'Unsealable' })
    assert.throws(() => vault.open(sealed, 'trunks.password', 'one'), { name: 'Unsealable' })
    assert.throws(() => vault.open('in the clear', 'webhooks.secret'), { name: 'Unsealable' })
  })

  it('finds every change of a sealed text', () => {
    const vault = new Vault([key('a', 1)])
    const sealed = vault.seal('text', 'thing')
    for (let at = 0; at < sealed.length; at++) {
      if (sealed[at] === '.') continue
      const changed = `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'Q' : 'A'}${sealed.slice(at + 1)}`
      // The last character of a group may hold bits that say nothing.
      if (sameBytes(changed, sealed)) continue
      assert.throws(() => vault.open(changed, 'thing'), { name: 'Unsealable' }, changed)
    }
  })

  it('seals anew by the first key and leaves the text alone; the old key opens it no more', () => {
    const old = new Vault([key('old', 1)])
    const sealed = old.seal('text', 'thing', 'x')
    const both = new Vault([key('new', 2), key('old', 1)])
    const again = both.reseal(sealed, 'thing', 'x')!
    assert.equal(sealedBy(again), 'new')
    assert.equal(again.split('.').at(-1), sealed.split('.').at(-1))
    assert.equal(new Vault([key('new', 2)]).open(again, 'thing', 'x'), 'text')
    assert.throws(() => old.open(again, 'thing', 'x'), /“new”, which is not set/)
    assert.equal(both.reseal(again, 'thing', 'x'), null)
  })

  it('asks for keys made meanwhile when it meets one it does not know', () => {
    let keys = [key('old', 1)]
    const vault = new Vault(keys, () => keys)
    keys = [key('new', 2), key('old', 1)]
    const sealed = new Vault(keys).seal('text', 'thing')
    assert.equal(vault.open(sealed, 'thing'), 'text')
    assert.equal(vault.keyId, 'new')
  })

  it('tells two keys of one name apart', () => {
    const sealed = new Vault([key('default', 2)]).seal('text', 'thing')
    assert.equal(new Vault([key('default', 1), key('default', 2)]).open(sealed, 'thing'), 'text')
  })
})

function sameBytes(one: string, other: string): boolean {
  const bytes = (text: string) => text.split('.').map((part) => Buffer.from(part, 'base64url').toString('hex'))
  return bytes(one).join() === bytes(other).join()
}
