import type { ApiClient, ApiThing } from '../api-client.ts'
import type { Answerer } from '../agents/answerers.ts'
import { createUserAgent, type UserAgent } from '../agents/user-agent.ts'

/** A made-up market on a real exchange: sellers and buyers, each buyer with a phone of its own on loopback. */
export class DemoMarket {
  readonly api: ApiClient
  readonly sellerId: string
  readonly #phones: UserAgent[] = []
  #numbers = 0

  private constructor(api: ApiClient, sellerId: string) {
    this.api = api
    this.sellerId = sellerId
  }

  static async open(api: ApiClient): Promise<DemoMarket> {
    const seller = await api.create('accounts', { type: 'seller', name: 'Acme Leads' })
    await api.create('trunks', {
      account_id: seller.id,
      name: 'Acme carrier',
      direction: 'inbound',
      addresses: ['127.0.0.1'],
      max_cps: 100,
      max_concurrent_calls: 100,
    })
    return new DemoMarket(api, seller.id)
  }

  /** A dialled number of its own for each scene, so that scenes do not meet. */
  async number(vertical: string, terms: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const number = `+1888555${String(++this.#numbers).padStart(4, '0')}`
    await this.api.create('numbers', { number, account_id: this.sellerId, vertical, reserve_price: '2.00', ...terms })
    return number
  }

  /** A buyer with money, a phone that behaves as told, and a target that rings it. */
  async buyer(name: string, phone: Answerer, ringTimeout = 5): Promise<DemoBuyer> {
    const ua = await createUserAgent()
    ua.on('call', phone)
    this.#phones.push(ua)
    const account = await this.api.create('accounts', { type: 'buyer', name })
    await this.api.create(`accounts/${account.id}/deposits`, { amount: '1000.00', reference: `welcome ${name}` })
    const target = await this.api.create('targets', {
      account_id: account.id,
      name: `${name} desk`,
      uri: `sip:${name.toLowerCase().replaceAll(' ', '-')}@127.0.0.1:${ua.port}`,
      ring_timeout: ringTimeout,
      max_concurrent_calls: 10,
    })
    return { name, id: account.id, targetId: target.id }
  }

  bid(buyer: DemoBuyer, vertical: string, amount: string, more: BidExtras = {}): Promise<ApiThing> {
    const { geography, ...rest } = more
    return this.api.create('bids', {
      target_id: buyer.targetId,
      amount,
      billable_after: 1,
      criteria: { verticals: [vertical], ...(geography && { geography }) },
      ...rest,
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.#phones.map((phone) => phone.close()))
  }
}

export interface DemoBuyer {
  readonly name: string
  readonly id: string
  readonly targetId: string
}

export interface BidExtras {
  readonly geography?: { readonly states: readonly string[] }
  readonly billable_after?: number
  readonly campaign_id?: string
}
