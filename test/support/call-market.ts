import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  explain,
  playScenario,
  startScenario,
  type ScenarioOptions,
  type ScenarioResult,
  type ScenarioRun,
} from '../../sipp/run.ts'
import type { ApiThing } from '../../sipp/api-client.ts'
import { eventually, type CallAnswer, type Exchange } from './exchange.ts'

/** What a story may change about its number and its trunk; the rest is the same for all. */
export interface MarketTerms {
  readonly number?: Readonly<Record<string, unknown>>
  readonly trunk?: Readonly<Record<string, unknown>>
  readonly seller?: Readonly<Record<string, unknown>>
}

export interface BuyerTerms {
  /** Default "5.00". */
  readonly amount?: string
  /** Default "100.00"; "0" deposits nothing. */
  readonly deposit?: string
  readonly bid?: Readonly<Record<string, unknown>>
  readonly target?: Readonly<Record<string, unknown>>
  readonly campaign?: Readonly<Record<string, unknown>>
  readonly play?: Partial<ScenarioOptions>
}

export interface Buyer {
  readonly account: ApiThing
  readonly bid: ApiThing
  readonly campaign: ApiThing | null
  readonly run: ScenarioRun
}

/** What the call record must say when the story is over. */
export interface Ending {
  readonly outcome: string
  readonly sip_status: number | null
  readonly end_reason: string
  readonly hung_up_by?: string | null
}

// Numbers and addresses are never used twice in one process: every story has a market of its own.
let markets = 0

/**
 * One story's corner of the exchange: a seller with a trunk (an address of its own out of 127.0.0.0/8) and a number in a
 * vertical of its own, and the buyers who bid for it.
 */
export class Market {
  readonly exchange: Exchange
  readonly seller: ApiThing
  readonly address: string
  readonly number: string
  readonly numberId: string
  readonly vertical: string
  readonly buyers: Buyer[] = []
  readonly #logs = mkdtempSync(join(tmpdir(), 'dce-story-'))

  private constructor(exchange: Exchange, seller: ApiThing, place: Place, numberId: string) {
    this.exchange = exchange
    this.seller = seller
    this.address = place.address
    this.number = place.number
    this.vertical = place.vertical
    this.numberId = numberId
  }

  static async open(exchange: Exchange, terms: MarketTerms = {}): Promise<Market> {
    const place = newPlace()
    const { api } = exchange
    const seller = await api.create('accounts', { type: 'seller', name: `Seller ${place.vertical}`, ...terms.seller })
    await api.create('trunks', {
      account_id: seller.id,
      name: `Carrier ${place.vertical}`,
      direction: 'inbound',
      addresses: [place.address],
      ...terms.trunk,
    })
    const number = await api.create('numbers', {
      account_id: seller.id,
      number: place.number,
      vertical: place.vertical,
      reserve_price: '1.00',
      ...terms.number,
    })
    return new Market(exchange, seller, place, number.id)
  }

  /** A buyer with money, a target where `file` is being played, and a standing bid. */
  async buyer(file: string, terms: BuyerTerms = {}): Promise<Buyer> {
    const run = await startScenario({ file, logDirectory: this.#logs, timeoutS: 60, ...terms.play })
    const standing = await this.standingBid(run, terms)
    const buyer = { ...standing, run }
    this.buyers.push(buyer)
    return buyer
  }

  /** A buyer with money, a target at `address`, and a standing bid: for those who answer there themselves. */
  async standingBid(address: { host: string; port: number }, terms: BuyerTerms = {}): Promise<Omit<Buyer, 'run'>> {
    const { api } = this.exchange
    const name = `Buyer ${this.vertical} ${this.buyers.length + 1}`
    const account = await api.create('accounts', { type: 'buyer', name })
    if (terms.deposit !== '0') {
      const amount = terms.deposit ?? '100.00'
      await api.request('POST', `/api/v1/accounts/${account.id}/deposits`, { amount, reference: name })
    }
    const transport = terms.play?.transport === 'tcp' ? ';transport=tcp' : ''
    const target = await api.create('targets', {
      account_id: account.id,
      name,
      uri: `sip:sales@${address.host}:${address.port}${transport}`,
      ring_timeout: 10,
      ...terms.target,
    })
    const campaign = terms.campaign
      ? await api.create('campaigns', { account_id: account.id, name, ...terms.campaign })
      : null
    const bid = await api.create('bids', {
      account_id: account.id,
      target_id: target.id,
      amount: terms.amount ?? '5.00',
      criteria: { verticals: [this.vertical] },
      ...(campaign && { campaign_id: campaign.id }),
      ...terms.bid,
    })
    return { account, bid, campaign }
  }

  /** Places the call(s) of `file` from the seller's address, and fails unless they go as the scenario says. */
  async call(file: string, options: Partial<ScenarioOptions> = {}): Promise<ScenarioResult> {
    const result = await playScenario(this.callOptions(file, options))
    assert.equal(result.exitCode, 0, `${file}: ${await this.#why(result)}`)
    return result
  }

  /** The same without waiting for its end. */
  startCall(file: string, options: Partial<ScenarioOptions> = {}): Promise<ScenarioRun> {
    return startScenario(this.callOptions(file, options))
  }

  callOptions(file: string, options: Partial<ScenarioOptions> = {}): ScenarioOptions {
    return {
      file,
      remote: this.exchange.process.sip(options.transport ?? 'udp'),
      host: this.address,
      service: this.number,
      logDirectory: this.#logs,
      ...options,
      keys: { ani: '+12125550142', ...options.keys },
    }
  }

  /** Fails unless this playing went as its scenario says. */
  async went(run: ScenarioRun): Promise<ScenarioResult> {
    const result = await run.finished
    assert.equal(result.exitCode, 0, await this.#why(result))
    return result
  }

  /** What a playing sent and received. */
  async messages(result: ScenarioResult): Promise<string> {
    return readFile(result.logs.messages, 'utf8').catch(() => '')
  }

  /** This market's call once both sides have been told that it is answered: one is being placed. */
  answered(): Promise<CallAnswer> {
    return this.#when((call) => call.trace.some(({ step }) => step === 'answered') && call.state === 'answered')
  }

  /** Once this playing has acknowledged the answer to its call: the record says `answered` a moment before its caller hears so. */
  async acknowledged(run: ScenarioRun): Promise<void> {
    const said = (): Promise<string> => readFile(run.logs.messages, 'utf8').catch(() => '')
    await eventually(async () => /^ACK /m.test(await said()) || undefined, said)
  }

  /** This market's call once it has come so far: one is being placed. */
  inState(state: string): Promise<CallAnswer> {
    return this.#when((call) => call.state === state)
  }

  #when(isSo: (call: CallAnswer) => boolean): Promise<CallAnswer> {
    let seen: CallAnswer[] = []
    return eventually(
      async () => {
        seen = await this.exchange.callsTo(this.number)
        return seen.find(isSo)
      },
      () => `no call to ${this.number} came so far: ${JSON.stringify(seen)}\n${this.exchange.process.lastLines}`,
    )
  }

  /** The records of this market's calls, once `count` have ended and none is still up. */
  async records(count: number, limitMs?: number): Promise<CallAnswer[]> {
    let seen: CallAnswer[] = []
    return eventually(
      async () => {
        seen = await this.exchange.callsTo(this.number)
        return seen.length >= count && seen.every((call) => call.state === 'ended') ? seen : undefined
      },
      () =>
        `${count} ended calls to ${this.number}: ${JSON.stringify(seen, null, 1)}\n${this.exchange.process.lastLines}`,
      limitMs,
    )
  }

  /**
   * What must be true after every story: exactly one record, with this ending; nothing held, no call up, and all balances
   * still adding up to zero. Ends buyers nobody rang.
   */
  async ended(ending: Ending): Promise<CallAnswer> {
    const records = await this.records(1)
    assert.equal(records.length, 1, `exactly one record: ${JSON.stringify(records, null, 1)}`)
    const record = records[0]!
    const seen = {
      outcome: record.outcome,
      sip_status: record.sip_status,
      end_reason: record.end_reason,
      ...(ending.hung_up_by !== undefined && { hung_up_by: record.hung_up_by }),
    }
    assert.deepEqual(seen, { ...ending }, `the record: ${JSON.stringify(record, null, 1)}`)
    await this.settled()
    return record
  }

  /** Nothing held, nothing up, and the money adds up. */
  async settled(): Promise<void> {
    for (const { account } of this.buyers) {
      let held = ''
      await eventually(
        async () => {
          held = String((await this.exchange.api.request('GET', `/api/v1/accounts/${account.id}`))['held'])
          return held === '0.00' ? true : undefined
        },
        () => `${held} is still held for ${String(account['name'])}`,
      )
    }
    await this.exchange.assertMoneyBalances()
    await this.close()
  }

  async balanceOf(account: { readonly id: string }): Promise<string> {
    return String((await this.exchange.api.request('GET', `/api/v1/accounts/${account.id}`))['balance'])
  }

  /** Ends what is still being played and forgets the logs. Idempotent. */
  async close(): Promise<void> {
    await Promise.all(this.buyers.map((buyer) => buyer.run.stop()))
    await rm(this.#logs, { recursive: true, force: true })
  }

  async #why(result: ScenarioResult): Promise<string> {
    return `${await explain(result)}\n--- the exchange said last:\n${this.exchange.process.lastLines}`
  }
}

interface Place {
  readonly address: string
  readonly number: string
  readonly vertical: string
}

function newPlace(): Place {
  const n = ++markets
  return {
    address: `127.${20 + (process.pid % 200)}.${Math.floor((n - 1) / 254)}.${1 + ((n - 1) % 254)}`,
    number: `+1888${String(2_000_000 + n)}`,
    vertical: `story_${n}`,
  }
}
