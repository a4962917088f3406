import { z } from 'zod'
import { lastDigits, type BankVault } from '../accounts/bank-vault.ts'
import { ACH_CURRENCY } from '../accounts/pay-sellers.ts'
import type { Account } from '../model/account.ts'
import type { AccountId } from '../model/ids.ts'
import {
  BANK_ACCOUNT_KINDS,
  BANK_ACCOUNT_STATES,
  HOLDER_TYPES,
  type BankAccount,
  type BankDetails,
} from '../model/payout.ts'
import { isRoutingNumber } from '../model/routing-number.ts'
import { endpoint, SELLERS, type Caller, type Endpoint } from './endpoint.ts'
import { maySee, notFound, type Kit } from './kit.ts'
import { Problem } from './problems.ts'
import * as s from './schemas.ts'

const Given = z.strictObject({
  holder: s.text(22).meta({ description: 'As the bank knows it; an ACH entry has room for 22 characters' }),
  holder_type: z.enum(HOLDER_TYPES),
  kind: z.enum(BANK_ACCOUNT_KINDS).default('checking'),
  routing_number: z.string().refine(isRoutingNumber, {
    error: 'must be an ABA routing number: nine digits, the last of which checks the others',
  }),
  account_number: z
    .string()
    .regex(/^[0-9A-Za-z-]{4,17}$/, 'must be 4 to 17 digits, letters or hyphens, as an ACH entry has room for'),
})

const BankAccountAnswer = z.strictObject({
  account_id: s.printedId(),
  holder: z.string(),
  holder_type: z.enum(HOLDER_TYPES),
  kind: z.enum(BANK_ACCOUNT_KINDS),
  routing_number: z.string(),
  account_number: z.string().meta({ description: 'Its last digits: the rest is sealed' }),
  state: z.enum(BANK_ACCOUNT_STATES),
  usable_from: z.string().nullable(),
  return_code: z.string().nullable(),
  ...s.printedStored,
})

/** Where sellers are paid. The number goes in, and comes out in nothing but the file for the bank. */
export function bankAccountEndpoints(kit: Kit): Endpoint[] {
  const { bankAccounts } = kit.stores
  const common = { tag: 'payouts', path: '/accounts/{id}/bank-account', who: SELLERS } as const

  async function find(caller: Caller, id: string): Promise<Account> {
    const account = maySee(caller, id as AccountId) ? await kit.stores.accounts.find(id) : null
    if (account?.type !== 'seller') throw notFound('seller')
    return account
  }

  return [
    endpoint({
      ...common,
      method: 'post',
      summary: 'Say where a seller is to be paid; in place of what was said before',
      body: Given,
      answers: { 200: BankAccountAnswer, 201: BankAccountAnswer, 503: 'payouts.bank_key is not set' },
      async handle({ caller, params, body }) {
        const account = await find(caller, params['id']!)
        if (account.currency !== ACH_CURRENCY)
          throw new Problem('conflict', `ACH pays ${ACH_CURRENCY}; the account is kept in ${account.currency}.`)
        const vault = requireVault(kit)
        const before = await bankAccounts.find(account.id)
        if (before && isSame(before, body, vault)) return { status: 200, body: view(before) }
        const details: BankDetails = {
          holder: body.holder,
          holderType: body.holder_type,
          kind: body.kind,
          routingNumber: body.routing_number,
          numberSealed: vault.seal(body.account_number, account.id),
          last4: lastDigits(body.account_number),
        }
        const after = await bankAccounts.put(account.id, details, new Date(kit.clock.now()))
        return { status: before ? 200 : 201, body: view(after) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      summary: 'Read where a seller is paid; of the number only its end',
      answers: { 200: BankAccountAnswer },
      async handle({ caller, params }) {
        const bank = await bankAccounts.find((await find(caller, params['id']!)).id)
        if (!bank) throw notFound('bank account')
        return { status: 200, body: view(bank) }
      },
    }),
    endpoint({
      ...common,
      method: 'delete',
      summary: 'Forget where a seller is paid; payouts under way go on',
      answers: { 204: 'It is forgotten' },
      async handle({ caller, params }) {
        if (!(await bankAccounts.remove((await find(caller, params['id']!)).id))) throw notFound('bank account')
        return { status: 204 }
      },
    }),
  ]
}

export function requireVault({ payouts }: Pick<Kit, 'payouts'>): BankVault {
  if (payouts.vault) return payouts.vault
  throw new Problem('not_configured', 'Bank accounts need payouts.bank_key: their numbers are not kept in the clear.')
}

/** The same details again ask for no new prenote; a bank that sent them back is tried again. */
function isSame(before: BankAccount, given: z.output<typeof Given>, vault: BankVault): boolean {
  return (
    before.state !== 'returned' &&
    before.holder === given.holder &&
    before.holderType === given.holder_type &&
    before.kind === given.kind &&
    before.routingNumber === given.routing_number &&
    before.last4 === lastDigits(given.account_number) &&
    vault.open(before.numberSealed, before.accountId) === given.account_number
  )
}

export function maskedNumber({ last4 }: Pick<BankDetails, 'last4'>): string {
  return `*****${last4}`
}

function view(bank: BankAccount): z.input<typeof BankAccountAnswer> {
  return {
    account_id: bank.accountId,
    holder: bank.holder,
    holder_type: bank.holderType,
    kind: bank.kind,
    routing_number: bank.routingNumber,
    account_number: maskedNumber(bank),
    state: bank.state,
    usable_from: bank.usableFrom,
    return_code: bank.returnCode,
    ...s.printStored(bank),
  }
}
