import type { BookChange } from '../../../model/book.ts'
import type { AccountId, TrunkId } from '../../../model/ids.ts'
import type { SipBinding, SipUser } from '../../../model/sip-user.ts'
import { OPERATOR_ACCOUNT_ID } from '../../../storage/house-accounts.ts'
import { aBid, aCampaign, anAccount, aNumber, aSipUser, aTarget, aTrunk, change, dollars } from '../market.ts'
import type { Scenario } from './scenario.ts'

export const EXCHANGE = '10.0.0.5'
export const CARRIERS = ['10.0.0.1', '10.0.0.11']
export const BUYERS = ['10.0.0.2', '10.0.0.3', '10.0.0.4']
/** Forks to the first two buyers. */
export const PROXY = '10.0.0.9'
/** Where numbers are called through; two trunks lead there. */
export const OUTBOUND = '10.0.0.7'
export const DIALLED = '+18005550100'

interface Market {
  readonly book: readonly BookChange[]
  readonly agents: readonly { readonly user: SipUser; readonly bindings: readonly SipBinding[] }[]
  readonly accounts: readonly AccountId[]
  readonly trunkId: TrunkId
}

/** One seller, and a buyer with a bid for each target of the scenario. */
export function marketOf(scenario: Scenario): Market {
  const { targets, trunkPlaces, weather } = scenario
  const parameter = weather.transport === 'tcp' ? ';transport=tcp' : ''
  const seller = anAccount('seller', { type: 'seller' })
  const trunk = aTrunk('carrier', 'seller', { addresses: CARRIERS, maxConcurrentCalls: trunkPlaces })
  const number = aNumber({ accountId: seller.id, payout: { type: 'share', shareMillionths: 800_000n } })
  const operator = anAccount(OPERATOR_ACCOUNT_ID, { type: 'operator' })
  const agents: { user: SipUser; bindings: SipBinding[] }[] = []
  const changes: BookChange[] = [change.account(seller), change.account(operator)]
  changes.push({ kind: 'trunk', id: trunk.id, value: trunk }, { kind: 'number', id: number.id, value: number })
  for (const [i, name] of ['first', 'second'].entries()) {
    const way = aTrunk(name, OPERATOR_ACCOUNT_ID, {
      direction: 'outbound',
      addresses: [],
      host: `${OUTBOUND}:5060${parameter}`,
      priority: i,
    })
    changes.push({ kind: 'trunk', id: way.id, value: way })
  }
  for (const [i, kind] of targets.entries()) {
    const buyer = anAccount(`buyer ${i}`, { creditLimitMicros: dollars(scenario.creditDollars) })
    const uri = {
      phone: `sip:agent@${BUYERS[i]}:5060${parameter}`,
      proxy: `sip:agent@${PROXY}:5060${parameter}`,
      agent: `sip:agent${i}@dce`,
      number: `+1212555017${i}`,
    }[kind]
    const target = aTarget(`t${i}`, buyer.id, { uri, ringTimeout: scenario.ringTimeout })
    const campaign = aCampaign(`c${i}`, buyer.id)
    const bid = aBid(`b${i}`, 30 - 5 * i, {
      accountId: buyer.id,
      campaignId: campaign.id,
      targetId: target.id,
      billableAfter: scenario.billableAfter,
    })
    if (kind === 'agent') {
      const user = aSipUser(`agent${i}`, buyer.id)
      changes.push({ kind: 'sip-user', id: user.id, value: user })
      agents.push({ user, bindings: BUYERS.slice(0, 1 + i).map((host) => bindingAt(host, scenario)) })
    }
    changes.push(change.account(buyer), change.target(target), change.campaign(campaign), change.bid(bid))
  }
  const accounts = [seller.id, operator.id, ...targets.map((_, i) => `buyer ${i}` as AccountId)]
  return { book: changes, agents, accounts, trunkId: trunk.id }
}

function bindingAt(host: string, { weather: { transport } }: Scenario): SipBinding {
  return {
    contact: `sip:phone@${host}:5060${transport === 'tcp' ? ';transport=tcp' : ''}`,
    instance: null,
    regId: null,
    callId: `registered at ${host}`,
    cseq: 1,
    q: host === BUYERS[2] ? 500 : 1000,
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    registeredAtMs: 0,
    path: [],
    source: { transport, host, port: 5060 },
    userAgent: null,
  }
}
