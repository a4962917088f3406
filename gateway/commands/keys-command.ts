import { BANK_ACCOUNT } from '../../accounts/bank-vault.ts'
import type { Settings } from '../../config/settings.ts'
import { sealedBy, Unsealable, Vault } from '../../config/vault.ts'
import { BIDDER_SECRET, SecretBox } from '../bidders/secret-box.ts'
import { secretOf } from '../start/bidders.ts'
import { bankKeys } from '../start/payment-settings.ts'
import { addKey, vaultOf } from '../start/vault.ts'
import { resealCommand } from './command-storage.ts'

/** `dce keys rotate`. Answers whether everything that is sealed could be opened. */
export async function rotateKeys(settings: Settings, print: (line: string) => void): Promise<boolean> {
  if (addKey(settings)) print('a new encryption key was made in the data folder')
  const vault = vaultOf(settings)
  if (vault === null) print('security.encryption_keys is not set: only what has keys of its own is sealed')
  const bank = bankKeys(settings.payouts.bankKey)
  const resealed = await resealCommand(settings, {
    vault,
    bank: bank && { vault: new Vault(bank), what: BANK_ACCOUNT },
    bidderSecret: bidderSecrets(secretOf(settings), vault),
  })
  for (const { place, sealed, changed } of resealed) print(`${place}: ${sealed} sealed, ${changed} of them anew`)
  const faults = resealed.flatMap(({ faults: of }) => of)
  for (const fault of faults) print(fault)
  print(
    faults.length === 0
      ? `all of it is sealed with the first key${vault ? ` (“${vault.keyId}”)` : ''}: older ones open nothing in this database any more`
      : 'NOT ALL OF IT COULD BE OPENED: keep the older keys',
  )
  return faults.length === 0
}

/** Seals a bidder's secret anew; null: there is no need. */
function bidderSecrets(secret: Buffer, vault: Vault | null): (sealed: string) => string | null {
  const box = new SecretBox(secret, vault)
  return (sealed) => {
    if (vault !== null && sealedBy(sealed) === vault.keyId) return null
    const text = box.open(sealed)
    if (text === null) throw new Unsealable(`the ${BIDDER_SECRET} cannot be opened with the keys that are set`)
    if (vault === null && sealedBy(sealed) !== null) return null
    return box.seal(text)
  }
}
