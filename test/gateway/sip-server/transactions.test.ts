import assert from 'node:assert/strict'
import { SipMessage } from '../../../gateway/sip-server/message.ts'
import { systemChance } from '../../../gateway/sip-server/chance.ts'
import { buildResponse } from '../../../gateway/sip-server/responses.ts'
import { Parties } from '../../../gateway/sip-server/parties.ts'
import { Counters } from '../../../gateway/sip-server/stats.ts'
import { TimerWheel } from '../../../gateway/sip-server/timer-wheel.ts'
import { timersFrom } from '../../../gateway/sip-server/timers.ts'
import type { ClientTransaction } from '../../../gateway/sip-server/state.ts'
import { Transactions } from '../../../gateway/sip-server/transactions.ts'
import type { TransactionUser } from '../../../gateway/sip-server/transactions.ts'
import type { Peer, Transport } from '../../../gateway/sip-server/transport.ts'
import { isParseFailure, parseMessage, serialize } from '../../../gateway/sip-server/wire-format.ts'

/** A clock, and two ends with a network between them that loses and delays what the seed says. */
class Simulation {
  nowMs = 0
  readonly #events: { atMs: number; run: () => void }[] = []
  #seed: number
  readonly loss: number

  constructor(seed: number, loss: number) {
    this.#seed = seed
    this.loss = loss
  }

  random(): number {
    // A linear congruential generator: the same seed, the same network.
    this.#seed = (this.#seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return this.#seed / 2_147_483_648
  }

  carry(run: () => void): void {
    if (this.random() < this.loss) return
    this.#events.push({ atMs: this.nowMs + this.random() * 300, run })
  }

  /** Runs network and timers in steps of 10 ms. */
  run(forMs: number, ends: readonly End[]): void {
    const untilMs = this.nowMs + forMs
    for (; this.nowMs < untilMs; this.nowMs += 10) {
      const due = this.#events.filter((each) => each.atMs <= this.nowMs)
      for (const each of due) this.#events.splice(this.#events.indexOf(each), 1)
      for (const each of due) each.run()
      for (const end of ends) end.wheel.advanceTo(this.nowMs)
    }
  }
}

/** One end: a transaction layer whose user answers every request with the status given. */
class End implements TransactionUser {
  readonly wheel = new TimerWheel(50, 0)
  readonly transactions = new Transactions(
    timersFrom(),
    this.wheel,
    new Counters(),
    new Parties(100),
    systemChance,
    this,
  )
  readonly requests: string[] = []
  readonly acks: string[] = []
  readonly responses: number[] = []
  readonly failures: string[] = []
  readonly status: number
  readonly peer: Peer
  readonly #simulation: Simulation
  other: End | null = null

  constructor(simulation: Simulation, status: number, isReliable: boolean) {
    this.#simulation = simulation
    this.status = status
    const transport: Transport = {
      name: isReliable ? 'tcp' : 'udp',
      isReliable,
      host: '10.0.0.1',
      port: 5060,
      send: (text) => this.#simulation.carry(() => this.other!.take(text)),
      close: () => Promise.resolve(),
    }
    this.peer = { transport, host: '10.0.0.2', port: 5060, connection: null }
  }

  take(text: string): void {
    const message = parseMessage(text)
    assert.ok(!isParseFailure(message))
    if (message.isRequest) this.transactions.receiveRequest(message, this.peer)
    else this.transactions.receiveResponse(message, this.peer)
  }

  request(method: string): ClientTransaction {
    const request = new SipMessage(method, 'sip:x@10.0.0.2', 0, '')
    const branch = `z9hG4bK${systemChance.token(8)}`
    request.add('Via', `SIP/2.0/UDP 10.0.0.1:5060;branch=${branch}`)
    request.add('From', '<sip:a@b>;tag=1')
    request.add('To', '<sip:c@d>')
    request.add('Call-ID', branch)
    request.add('CSeq', `1 ${method}`)
    request.cseq = 1
    return this.transactions.start(request, branch, this.peer)
  }

  onRequest(request: SipMessage, source: Peer): void {
    this.requests.push(request.method)
    const transaction = this.transactions.createServer(request, source)
    const response = buildResponse(request, this.status, 'Answer', 'tag')
    this.transactions.respond(transaction, this.status, serialize(response))
  }

  onCancel(): void {
    assert.fail('no CANCEL was sent')
  }

  onAck(ack: SipMessage): void {
    this.acks.push(ack.callId)
  }

  onServerTimer(): void {
    assert.fail('no such timer was armed')
  }

  onClientTimer(): void {
    assert.fail('no such timer was armed')
  }

  onResponse(_transaction: ClientTransaction, response: SipMessage): void {
    this.responses.push(response.status)
  }

  onClientFailure(_transaction: ClientTransaction, event: string): void {
    this.failures.push(event)
  }
}

function between(
  seed: number,
  loss: number,
  status: number,
  isReliable = false,
): { simulation: Simulation; caller: End; callee: End } {
  const simulation = new Simulation(seed, loss)
  const caller = new End(simulation, 500, isReliable)
  const callee = new End(simulation, status, isReliable)
  caller.other = callee
  callee.other = caller
  return { simulation, caller, callee }
}

describe('transactions over a network that loses messages', () => {
  for (const loss of [0, 0.3, 0.6]) {
    it(`gives every request at most once to the user and one answer back, losing ${loss * 100} %`, () => {
      let answered = 0
      for (let seed = 1; seed <= 100; seed++) {
        for (const [method, status] of [
          ['OPTIONS', 200],
          ['INVITE', 486],
        ] as const) {
          const { simulation, caller, callee } = between(seed * 7919, loss, status)
          caller.request(method)
          simulation.run(80_000, [caller, callee])
          const seen = JSON.stringify({ seed, method, loss })
          // The last tries of a client that hears nothing may outlive Timer J by the network's delay; no others may.
          assert.ok(callee.requests.length <= 1 || caller.failures.length === 1, `twice: ${seen}`)
          assert.equal(caller.responses.length + caller.failures.length, 1, `neither answer nor failure: ${seen}`)
          if (caller.responses.length === 1) assert.equal(caller.responses[0], status)
          answered += caller.responses.length
          for (const end of [caller, callee]) {
            assert.deepEqual([end.transactions.open, end.transactions.lingering, end.wheel.armed], [0, 0, 0], seen)
          }
        }
      }
      // Seven tries of an INVITE and eleven of the rest survive these networks nearly always.
      assert.ok(answered >= 160, `${answered} of 200 answered`)
    })
  }

  it('ends everything over a reliable transport, at once where the RFC says so', () => {
    const { simulation, caller, callee } = between(1, 0, 200, true)
    caller.request('OPTIONS')
    simulation.run(2_000, [caller, callee])
    assert.deepEqual(caller.responses, [200])
    for (const end of [caller, callee]) assert.equal(end.transactions.open + end.transactions.lingering, 0)
  })

  it('tells of a request nobody answers after 64*T1', () => {
    const { simulation, caller, callee } = between(1, 1, 200)
    caller.request('INVITE')
    caller.request('OPTIONS')
    simulation.run(31_900, [caller, callee])
    assert.deepEqual(caller.failures, [])
    simulation.run(300, [caller, callee])
    assert.deepEqual(caller.failures, ['timeout', 'timeout'])
    assert.equal(caller.transactions.open, 0)
  })

  it('counts a transaction as open until it is answered, then as lingering, then not at all', () => {
    const { simulation, caller, callee } = between(1, 0, 486)
    caller.request('INVITE')
    assert.deepEqual([caller.transactions.open, caller.transactions.lingering], [1, 0])
    simulation.run(2_000, [caller, callee])
    assert.deepEqual([caller.transactions.open, caller.transactions.lingering], [0, 1])
    simulation.run(40_000, [caller, callee])
    assert.deepEqual([caller.transactions.open, caller.transactions.lingering], [0, 0])
  })
})
