import type { MasterKey } from '../config/master-keys.ts'
import { Vault } from '../config/vault.ts'
import type { AccountId } from '../model/ids.ts'

/** What is sealed, in the words that sealing binds it to. */
export const BANK_ACCOUNT = 'bank account'

/** Seals the numbers of bank accounts, each for the account it was given for. */
export interface BankVault {
  seal(number: string, accountId: AccountId): string
  /** Throws Unsealable when the key is not ours, or it was sealed for another account, or changed. */
  open(sealed: string, accountId: AccountId): string
}

/** `keys` are as readMasterKeys has them: at least one. */
export function createBankVault(keys: readonly MasterKey[]): BankVault {
  const vault = new Vault(keys)
  return {
    seal: (number, accountId) => vault.seal(number, BANK_ACCOUNT, accountId),
    open: (sealed, accountId) => vault.open(sealed, BANK_ACCOUNT, accountId),
  }
}

/** What may be shown of a number: of a short one less than four, so that it is not nearly all of it. */
export function lastDigits(number: string): string {
  return number.slice(number.length >= 8 ? -4 : -2)
}
