import type { Account, AccountType } from '../model/account.ts'
import type { AccountId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { Authenticator } from './authenticate.ts'
import type { Cursors } from './cursors.ts'
import type { Caller } from './endpoint.ts'
import type { ApiOptions } from './options.ts'
import { invalid, Problem } from './problems.ts'
import type { Tokens } from './tokens.ts'

/** What every resource is built with. */
export interface Kit extends ApiOptions {
  readonly cursors: Cursors
  readonly tokens: Tokens
  readonly authenticator: Authenticator
}

/** Others' things do not exist for a caller: the same 404 as for things nobody has. */
export function notFound(what: string): Problem {
  return new Problem('not_found', `There is no ${what} with this id.`)
}

export function maySee(caller: Caller, accountId: AccountId): boolean {
  return caller.role === 'admin' || caller.accountId === accountId
}

/**
 * Whose thing a body is about: `account_id`, or the caller's own account. Throws 422 for an account that is not there, not
 * the caller's or of another type, in the same words: nobody can probe for others' ids.
 */
export async function ownerOf(
  kit: Kit,
  caller: Caller,
  accountId: AccountId | undefined,
  types: readonly AccountType[],
): Promise<Account> {
  if (accountId === undefined && caller.role === 'admin') {
    throw invalid('/account_id', `an administrator must say which ${types.join(' or ')} it is for`, 'required')
  }
  const id = accountId ?? caller.accountId
  const account = maySee(caller, id) ? await kit.stores.accounts.find(id) : null
  if (!account) throw invalid('/account_id', 'there is no such account', 'not_found')
  if (!types.includes(account.type)) {
    throw invalid('/account_id', `must be a ${types.join(' or ')}'s account, this is a ${account.type}'s`, 'wrong_type')
  }
  if (account.status === 'closed') throw invalid('/account_id', 'the account is closed', 'account_closed')
  return account
}

/** A number in E.164, as the numbering plan reads the text; throws 422 at `pointer`. */
export function phoneAt(kit: Pick<Kit, 'validatePhone'>, pointer: string, text: string): PhoneNumber {
  const answer = kit.validatePhone(text)
  if (!answer.valid || answer.e164 === null) {
    throw invalid(pointer, `is not a phone number: ${answer.reason ?? 'unknown form'}`, 'invalid_phone_number')
  }
  return answer.e164 as PhoneNumber
}
