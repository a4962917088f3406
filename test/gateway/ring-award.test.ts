import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import type { Call } from '../../gateway/live-call.ts'
import type { ExchangeParts } from '../../gateway/parts.ts'
import { ringAward } from '../../gateway/ring-award.ts'
import type { Award } from '../../model/auction.ts'

interface Callbacks {
  cbProvisional(response: { status: number; body: string; has: () => boolean }): void
}

/** A buyer who says 183 with a description, of which the engine makes something only when the test lets it, and then refuses. */
function stage() {
  const early = Promise.withResolvers<string>()
  const refusal = Promise.withResolvers<never>()
  const told: string[] = []
  const call = {
    attempts: [],
    soldAttempt: null,
    earlyAnswers: null,
    ringingAt: null,
    ringback: null,
    isApart: false,
    gone: new AbortController().signal,
    facts: { ani: '+12125550142', dnis: '+18005550199' },
    signature: null,
    auction: null,
    engine: { capabilities: new Set() },
    note: () => {},
    media: { offerToBuyer: async () => 'v=0', answerFromBuyer: () => early.promise, tools: null },
    caller: {
      told: null,
      offer: 'v=0',
      cancelReason: null,
      header: () => undefined,
      fields: () => [],
      ringing: (status: number, _phrase: string, sdp: string | null) => void told.push(`${status} ${sdp}`),
    },
  } as unknown as Call // oxlint-disable-line typescript/no-unsafe-type-assertion -- nothing else of a call is read
  const target = { id: 't', uri: 'sip:agent@192.0.2.7', ringTimeout: 20, headers: {}, transport: 'udp' }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of the parts is used
  const parts = {
    policies: { followRedirects: false, trustedHosts: [], verstat: 'off', passHeaders: [], historyInfo: 'off' },
    limits: { trunkSilenceMs: 1_000 },
    clock: { monotonicMs: () => 0 },
    directory: { target: () => target },
    registrar: { waysTo: () => null },
    trunks: { isCarrier: () => false },
    probes: { called: () => {} },
    announcements: { ringing: () => void told.push('call.ringing') },
    signaling: {
      async createUAC(_uri: string, _options: unknown, callbacks: Callbacks) {
        callbacks.cbProvisional({ status: 183, body: 'v=0 early', has: () => false })
        return refusal.promise
      },
    },
  } as unknown as ExchangeParts
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of an award is read
  const award = { id: 'a', rank: 1, bidId: 'b', campaignId: 'c', targetId: 't', target } as unknown as Award
  const refuse = (): void => {
    const response = { status: 486, get: () => undefined }
    refusal.reject(Object.assign(new Error('486'), { name: 'SipError', status: 486, res: response }))
  }
  return { call, told, early, refuse, ringing: ringAward(call, award, 30_000, parts) }
}

describe('a buyer’s 183 that the engine is slow with', () => {
  it('is told the caller when the engine has answered', async () => {
    const { call, told, early, refuse, ringing } = stage()
    await turn()
    assert.deepEqual(told, [])
    assert.notEqual(call.earlyAnswers, null)
    early.resolve('v=0 ours')
    await turn()
    assert.deepEqual(told, ['183 v=0 ours', 'call.ringing'])
    assert.equal(call.earlyAnswers, null)
    refuse()
    assert.equal((await ringing).kind, 'failed')
  })

  it('is told nobody when the buyer has refused meanwhile', async () => {
    const { call, told, early, refuse, ringing } = stage()
    await turn()
    refuse()
    assert.equal((await ringing).kind, 'failed')
    early.resolve('v=0 ours')
    await turn()
    assert.deepEqual(told, [])
    assert.equal(call.earlyAnswers, null)
  })
})
