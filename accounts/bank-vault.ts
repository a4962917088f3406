import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { MasterKey } from '../config/master-keys.ts'
import type { AccountId } from '../model/ids.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** A sealed number that cannot be opened, and why; never the number. */
export class Unsealable extends Error {
  override readonly name = 'Unsealable'
}

/** Seals the numbers of bank accounts, each for the account it was given for. */
export interface BankVault {
  /** AES-256-GCM by the first key: `v1.KEY.NONCE.NUMBER.TAG`, never the same twice. */
  seal(number: string, accountId: AccountId): string
  /** Throws Unsealable when the key is not ours, or it was sealed for another account, or changed. */
  open(sealed: string, accountId: AccountId): string
}

/** `keys` are as readMasterKeys has them: at least one. */
export function createBankVault(keys: readonly MasterKey[]): BankVault {
  return {
    seal(number, accountId) {
      const { id, key } = keys[0]!
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(boundTo(id, accountId))
      const sealed = Buffer.concat([cipher.update(number, 'utf8'), cipher.final()])
      const parts = [Buffer.from(id), nonce, sealed, cipher.getAuthTag()]
      return ['v1', ...parts.map((part) => part.toString('base64url'))].join('.')
    },
    open(sealed, accountId) {
      const [version, ...parts] = sealed.split('.')
      if (version !== 'v1' || parts.length !== 4) throw new Unsealable('the bank account number is not sealed as we do')
      const [name, nonce, text, tag] = parts.map((part) => Buffer.from(part, 'base64url'))
      const id = name!.toString()
      const master = keys.find((key) => key.id === id)
      if (!master)
        throw new Unsealable(`the bank account number was sealed with the bank key “${id}”, which is not set`)
      try {
        const decipher = createDecipheriv('aes-256-gcm', master.key, nonce!, { authTagLength: TAG_BYTES })
        decipher.setAAD(boundTo(id, accountId)).setAuthTag(tag!)
        return Buffer.concat([decipher.update(text!), decipher.final()]).toString()
      } catch {
        throw new Unsealable(`the bank key “${id}” is not the one the bank account number was sealed with`)
      }
    },
  }
}

function boundTo(keyId: string, accountId: AccountId): Buffer {
  return Buffer.from(`dce bank account\n${keyId}\n${accountId}`)
}

/** What may be shown of a number: of a short one less than four, so that it is not nearly all of it. */
export function lastDigits(number: string): string {
  return number.slice(number.length >= 8 ? -4 : -2)
}
