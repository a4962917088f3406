import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ApiClient } from '../api-client.ts'

export interface Seeded {
  /** Where the carriers call from: the address of their trunks. */
  readonly carrierHost: string
  /** Who calls which number, call by call. */
  readonly lines: readonly { readonly caller: string; readonly number: string }[]
  /** The same as a file for SIPp’s `-inf`. */
  readonly csv: string
}

/** Enough that no single account, number or bid is a special case, and that auctions have losers. */
const SELLERS = 4
const BIDS_PER_BUYER = 5
const CALLERS = 1000
/** Area codes of eight states, so that callers come from somewhere. */
const AREA_CODES = ['212', '213', '312', '512', '305', '404', '602', '206']

/**
 * Sellers with trunks and numbers, buyers with money, a target at each of `buyers` and standing bids: what a run needs.
 * Everything goes through the public API.
 */
export async function seed(
  api: ApiClient,
  options: {
    readonly run: string
    readonly carrierHost: string
    readonly buyers: readonly { host: string; port: number }[]
    readonly directory: string
  },
): Promise<Seeded> {
  const vertical = `load_${options.run}`
  const numbers: string[] = []
  for (let n = 0; n < SELLERS; n++) {
    const seller = await api.create('accounts', { type: 'seller', name: `Load seller ${options.run} ${n + 1}` })
    const trunk = { account_id: seller.id, name: `Load carrier ${n + 1}`, direction: 'inbound' }
    await api.create('trunks', { ...trunk, addresses: [options.carrierHost] })
    const number = `+18772${options.run}${n}`
    await api.create('numbers', { account_id: seller.id, number, vertical, reserve_price: '1.00' })
    numbers.push(number)
  }
  for (const [n, { host, port }] of options.buyers.entries()) {
    const name = `Load buyer ${options.run} ${n + 1}`
    const buyer = await api.create('accounts', { type: 'buyer', name })
    await api.request('POST', `/api/v1/accounts/${buyer.id}/deposits`, { amount: '10000000', reference: name })
    const uri = `sip:sales@${host}:${port}`
    const target = await api.create('targets', { account_id: buyer.id, name, uri })
    for (let bid = 0; bid < BIDS_PER_BUYER; bid++) {
      const amount = `${2 + bid}.${n % 10}0`
      const criteria = { verticals: [vertical] }
      await api.create('bids', { account_id: buyer.id, target_id: target.id, amount, criteria })
    }
  }
  const csv = join(options.directory, 'calls.csv')
  const lines = callerLines(numbers)
  await writeFile(csv, `SEQUENTIAL\n${lines.map(({ caller, number }) => `${caller};${number};\n`).join('')}`)
  return { carrierHost: options.carrierHost, lines, csv }
}

function callerLines(numbers: readonly string[]): Seeded['lines'] {
  return Array.from({ length: CALLERS }, (_, n) => {
    const caller = `+1${AREA_CODES[n % AREA_CODES.length]!}555${String(n).padStart(4, '0')}`
    return { caller, number: numbers[n % numbers.length]! }
  })
}

/** The sum of the balances of all accounts, as millionths: 0, or money was made or lost. */
export async function sumOfBalances(api: ApiClient): Promise<bigint> {
  let sum = 0n
  for (const account of await api.listAll('accounts')) {
    const [units = '0', fraction = ''] = String(account['balance']).replace('-', '').split('.')
    const value = BigInt(units) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
    sum += String(account['balance']).startsWith('-') ? -value : value
  }
  return sum
}
