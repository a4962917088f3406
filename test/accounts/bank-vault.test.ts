import assert from 'node:assert/strict'
import { createBankVault, lastDigits } from '../../accounts/bank-vault.ts'
import { readMasterKeys } from '../../config/master-keys.ts'
import { newId, type AccountId } from '../../model/ids.ts'

const OLD = `2025:${'11'.repeat(32)}`
const NEW = `2026:${'22'.repeat(32)}`
const vaultOf = (text: string) => createBankVault(readMasterKeys(text, 'bank key'))

describe('bank account numbers', () => {
  const seller = newId<AccountId>()
  const number = '12345-6789'

  it('are sealed differently each time, and opened again', () => {
    const vault = vaultOf(NEW)
    const [one, other] = [vault.seal(number, seller), vault.seal(number, seller)]
    assert.notEqual(one, other)
    for (const sealed of [one, other]) {
      assert.ok(!sealed.includes('6789') && !Buffer.from(sealed.split('.')[3]!, 'base64url').includes('6789'))
      assert.equal(vault.open(sealed, seller), number)
    }
  })

  it('are sealed by the first key and opened by any', () => {
    const sealed = vaultOf(OLD).seal(number, seller)
    const rotated = vaultOf(`${NEW},${OLD}`)
    assert.equal(rotated.open(sealed, seller), number)
    assert.throws(() => vaultOf(OLD).open(rotated.seal(number, seller), seller), /“2026”, which is not set/)
  })

  it('are not opened for another account, with another key, or changed', () => {
    const vault = vaultOf(NEW)
    const sealed = vault.seal(number, seller)
    const other = vaultOf(`2026:${'33'.repeat(32)}`)
    assert.throws(() => vault.open(sealed, newId<AccountId>()), { name: 'Unsealable' })
    assert.throws(() => other.open(sealed, seller), /not the one/)
    const parts = sealed.split('.')
    for (let i = 0; i < parts.length; i++) {
      const changed = parts.with(i, `${parts[i]!.startsWith('A') ? 'B' : 'A'}${parts[i]!.slice(1)}`).join('.')
      assert.throws(() => vault.open(changed, seller), { name: 'Unsealable' }, changed)
    }
    for (const wrong of ['', number, 'v1..', `v1.${sealed}`])
      assert.throws(() => vault.open(wrong, seller), { name: 'Unsealable' }, wrong)
  })

  it('show their last digits, and less of short ones', () => {
    assert.deepEqual(['12345678', '1234567', '1234'].map(lastDigits), ['5678', '67', '34'])
  })
})
